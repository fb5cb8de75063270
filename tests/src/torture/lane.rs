//! What one process tells all others: how far it is, and what it is doing.
//!
//! A lane is used by one process after the other, each when the last one is dead.

use std::sync::atomic::{AtomicUsize, Ordering, compiler_fence};

use super::model::Model;

/// How much a process has done.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// Steps, each a call or a few.
    pub(super) steps: usize,
    /// Blocks that it got.
    pub(super) blocks: usize,
    /// Times that it recovered the heap.
    pub(super) recoveries: usize,
}

/// One process's line.
#[derive(Debug)]
pub(super) struct Lane {
    steps: AtomicUsize,
    blocks: AtomicUsize,
    recoveries: AtomicUsize,
    /// How often its process was told to go on.
    resumed: AtomicUsize,
    /// How many blocks may be lost if it dies now.
    at_stake: AtomicUsize,
    /// What its shelf holds.
    pub(super) model: Model,
}

/// Raises a count that nobody else changes.
fn raise(count: &AtomicUsize) {
    count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

impl Lane {
    /// Makes a call by which as many blocks may be lost.
    pub(super) fn at_stake<R>(&self, blocks: usize, call: impl FnOnce() -> R) -> R {
        self.at_stake.store(blocks, Ordering::Relaxed);
        // A death makes stores visible in the order of the program: only the
        // compiler must keep to it, here and below.
        compiler_fence(Ordering::SeqCst);
        let result = call();
        compiler_fence(Ordering::SeqCst);
        self.at_stake.store(0, Ordering::Relaxed);
        result
    }

    /// How many blocks its dead process may have lost; none from now on.
    pub(super) fn settle(&self) -> usize {
        self.at_stake.swap(0, Ordering::Relaxed)
    }

    pub(super) fn count_step(&self) {
        raise(&self.steps);
    }

    pub(super) fn count_block(&self) {
        raise(&self.blocks);
    }

    pub(super) fn count_recovery(&self) {
        raise(&self.recoveries);
    }

    /// How far its process is.
    pub(super) fn progress(&self) -> Progress {
        Progress {
            steps: self.steps.load(Ordering::Relaxed),
            blocks: self.blocks.load(Ordering::Relaxed),
            recoveries: self.recoveries.load(Ordering::Relaxed),
        }
    }

    /// Tells its process, which is stopped, that it is to go on.
    pub(super) fn resume(&self) {
        self.resumed.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was told so.
    pub(super) fn resumed(&self) -> usize {
        self.resumed.load(Ordering::Relaxed)
    }
}
