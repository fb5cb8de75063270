//! Copies that wait until they are flushed.

use super::state::Operation;
use crate::memory::MemoryError;

/// How many may wait.
const MOST: usize = 64;

/// A copy between the processor's memory and a simulated one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Transfer {
    pub(super) operation: Operation,
    pub(super) to: *mut u8,
    pub(super) from: *const u8,
    pub(super) len: usize,
}

// SAFETY: whoever makes one promises that its bytes may be copied by whichever thread does.
unsafe impl Send for Transfer {}

/// The copies that wait, in order, and what failed of those that were done.
#[derive(Debug)]
pub(super) struct Posted {
    waiting: [Option<Transfer>; MOST],
    len: usize,
    /// The first failure that nobody was told of.
    pub(super) failed: Option<MemoryError>,
    /// Counts all of them.
    pub(super) failures: u32,
}

impl Posted {
    pub(super) const NEW: Self = Self { waiting: [None; MOST], len: 0, failed: None, failures: 0 };

    /// Notes a copy, for which there has to be room.
    pub(super) fn add(&mut self, copy: Transfer) {
        self.waiting[self.len] = Some(copy);
        self.len += 1;
    }

    pub(super) fn is_full(&self) -> bool {
        self.len == MOST
    }

    /// Does all of them by `perform`.
    pub(super) fn drain(&mut self, mut perform: impl FnMut(Transfer) -> Result<(), MemoryError>) {
        for copy in self.waiting[..self.len].iter_mut().filter_map(Option::take) {
            if let Err(error) = perform(copy) {
                self.failed.get_or_insert(error);
                self.failures = self.failures.wrapping_add(1);
            }
        }
        self.len = 0;
    }
}
