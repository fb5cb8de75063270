//! What a region remembers of the copies that were made into it.

use core::fmt;

use super::RegionId;
use crate::sync::atomic::AtomicU32;
use crate::sync::{COPY_MEMO, CopyMemo};

/// For one group of pages: which source they were last seen to be equal to, so that it is
/// cheap to see that they still are.
///
/// All zero bytes are one that remembers nothing. [`CopyMemo`] is its protocol.
#[derive(Default)]
#[repr(C)]
pub struct Memo([AtomicU32; COPY_MEMO]);

impl Memo {
    const fn protocol(&self) -> CopyMemo<'_> {
        CopyMemo::new(&self.0)
    }

    /// Whether the pages hold what `source` has, if these are both numbers of
    /// [changes](super::PageArray::changes), read before.
    #[must_use]
    #[inline]
    pub fn holds(&self, source: RegionId, source_changes: u32, own_changes: u32) -> bool {
        self.protocol().holds(source.number(), source_changes, own_changes)
    }

    /// As [`CopyMemo::note`].
    pub fn note(&self, source: RegionId, source_changes: u32, own_changes: u32, pending: u32) {
        self.protocol().note(source.number(), source_changes, own_changes, pending);
    }

    /// As [`CopyMemo::confirm`].
    pub fn confirm(&self, pending: u32, own_changes: u32) {
        self.protocol().confirm(pending, own_changes);
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.protocol().fmt(f)
    }
}
