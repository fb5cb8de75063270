//! Objects that have knobs.

use core::fmt;
use std::sync::Arc;

use super::Knob;

/// Something that has knobs, for as long as it is there.
pub trait Node: Send + Sync {
    /// Calls `see` once with what can be read, set and run; does nothing if the object
    /// is gone.
    ///
    /// No lock of the tree is held meanwhile, so a knob may use the tree itself.
    fn see(&self, see: &mut dyn FnMut(&[Knob<'_>]));

    /// Whether the object is still there.
    fn is_there(&self) -> bool;
}

/// One of the objects that somebody keeps.
pub struct Member {
    /// Its number, which no other of its kind has.
    pub id: u64,
    /// What it is called; others may be called so, too.
    pub name: String,
    /// What can be read, set and run.
    pub node: Arc<dyn Node>,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.id, self.name)
    }
}
