//! What a creator chooses.

use core::time::Duration;

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
    /// How long slabs are free before the space behind them goes back to the
    /// system, to the millisecond and at least; zero for as long as the heap
    /// lives, or until it is trimmed.
    ///
    /// Looked after when blocks are freed, by who frees them, as far as the
    /// thread model has a [clock](crate::thread::ThreadModel::clock).
    pub decay: Duration,
    /// Whether the space behind slabs stays for as long as the heap lives, whoever trims it:
    /// for heaps that a device has registered. It goes on using the pages that it found, and
    /// would not see those that came into their place. Heaps in a [backend that says
    /// so](crate::backend::Backend::resident) are so without it.
    pub resident: bool,
    /// What a hardened heap (feature `secure`) is keyed with: random bits, which
    /// nobody outside can guess. Ignored by others.
    ///
    /// With 0 it is mixed from the id, the creator and an address, for this
    /// crate has no source of random bits. That is **weak**: it finds the same
    /// mistakes, but somebody who means harm can guess it.
    pub secret: u64,
}

impl Config {
    /// The most heap slots a segment can have.
    pub const MOST_SLOTS: usize = if WORD == 8 { 65_000 } else { 1000 };

    /// How long slabs are free before their space goes back, if nothing else is
    /// said.
    pub const DECAY: Duration = Duration::from_millis(25);

    /// A heap named `id`, everything else chosen to suit its length.
    #[must_use]
    pub const fn new(id: AllocatorId) -> Self {
        Self { id, slots: 0, roots: 0, decay: Self::DECAY, resident: false, secret: 0 }
    }

    /// A heap with `slots` heap slots.
    #[must_use]
    pub const fn slots(self, slots: usize) -> Self {
        Self { slots, ..self }
    }

    /// A heap that keeps the space behind free slabs for `time`; see the field.
    #[must_use]
    pub const fn decay(self, time: Duration) -> Self {
        Self { decay: time, ..self }
    }

    /// A heap whose space is never given back, or is; see the field.
    #[must_use]
    pub const fn resident(self, resident: bool) -> Self {
        Self { resident, ..self }
    }

    /// A heap that is keyed with `bits`; see the field.
    #[must_use]
    pub const fn secret(self, bits: u64) -> Self {
        Self { secret: bits, ..self }
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
