//! What a creator chooses.

use super::geometry::{Geometry, WORD};
use crate::offset::AllocatorId;

/// How a segment is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// The id that names the heap in every process.
    pub id: AllocatorId,
    /// How many threads can hold a heap slot at a time; 0 for a number that
    /// suits the length.
    pub slots: usize,
    /// How many named roots there can be; 0 for a number that suits the length.
    pub roots: usize,
}

impl Config {
    /// The most heap slots a segment can have.
    pub const MOST_SLOTS: usize = if WORD == 8 { 65_000 } else { 1000 };

    /// A heap named `id`, everything else chosen to suit its length.
    #[must_use]
    pub const fn new(id: AllocatorId) -> Self {
        Self { id, slots: 0, roots: 0 }
    }

    /// A heap with `slots` heap slots.
    #[must_use]
    pub const fn slots(self, slots: usize) -> Self {
        Self { slots, ..self }
    }

    pub(super) fn slots_for<const SHIFT: u32>(&self, len: usize) -> usize {
        match self.slots {
            0 => (len / 64 / Geometry::<SHIFT>::SLOT).clamp(1, 1024),
            slots => slots,
        }
    }

    pub(super) fn roots_for(&self, len: usize) -> usize {
        match self.roots {
            0 => (len / 16384).clamp(4, 64),
            roots => roots,
        }
    }
}
