//! What the fast ways have to look out for, in one word.

use core::sync::atomic::{AtomicU32, Ordering};

/// What the fast ways have to look out for: if nothing, it is one load that nobody changes.
///
/// All is Relaxed: who sets a flag for a block has it before anybody else has the block.
#[derive(Debug, Default)]
pub(super) struct Watch(AtomicU32);

/// One thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Flag {
    /// Calls are noted.
    Traced = 1,
    /// A block may be in use by a stream that is not its own.
    Lent = 2,
    /// Memory was short while there were such blocks: some may have come back.
    Settle = 4,
    /// Blocks have been shared with other processes.
    Shared = 8,
}

impl Watch {
    /// Whether it is one of these.
    #[inline(always)]
    pub(super) fn is_any(&self, flags: &[Flag]) -> bool {
        let mask = flags.iter().fold(0, |mask, flag| mask | *flag as u32);
        self.0.load(Ordering::Relaxed) & mask != 0
    }

    pub(super) fn set(&self, flag: Flag, is_set: bool) {
        if is_set {
            self.0.fetch_or(flag as u32, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!(flag as u32), Ordering::Relaxed);
        }
    }
}
