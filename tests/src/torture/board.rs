//! What all processes of a run have in common, apart from the heap.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::failures::Failures;
use super::lane::Lane;
use super::table::Table;

/// Most processes at a time.
pub(super) const LANES: usize = 64;

/// What all processes know.
#[derive(Debug)]
pub(super) struct Board {
    over: AtomicUsize,
    pub(super) failures: Failures,
    pub(super) lanes: [Lane; LANES],
    pub(super) table: Table,
}

impl Board {
    /// Begins a round, or ends it.
    pub(super) fn set_over(&self, over: bool) {
        self.over.store(over.into(), Ordering::Relaxed);
    }

    /// Whether the processes of the round are to end.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) != 0
    }
}
