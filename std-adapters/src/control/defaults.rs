//! What objects that are made later begin with.

use std::collections::BTreeMap;

use super::Value;

/// What objects of one class begin with, by name.
///
/// Their maker asks for it, and gives what its own program asked for precedence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults(pub(super) BTreeMap<String, Value>);

impl Defaults {
    /// What stands there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The number of bytes there.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<usize> {
        self.get(name)?.as_bytes()
    }

    /// The count there.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u64> {
        self.get(name)?.as_count()
    }

    /// The switch there.
    #[must_use]
    pub fn switch(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_switch()
    }

    /// The text there.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }
}
