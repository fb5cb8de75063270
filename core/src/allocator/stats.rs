//! What a heap holds, counted.

use core::ops::AddAssign;

/// What one size class holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassStats {
    /// Bytes of a block; 0 for a class the heap does not have.
    pub block_size: usize,
    /// Slabs cut into such blocks.
    pub slabs: usize,
    /// Blocks in use.
    pub live: usize,
    /// Blocks that are free, cached ones included.
    pub free: usize,
}

/// What a heap holds. All numbers are bytes unless they say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Length of the segment.
    pub reserved: usize,
    /// Bytes with space behind them: metadata in use and slabs that were handed
    /// out at least once and not returned to the system.
    pub committed: usize,
    /// Bytes in blocks that are in use, rounded up to their block sizes.
    pub live: usize,
    /// Blocks in use.
    pub live_blocks: usize,
    /// Bytes of the slabs that could ever hold blocks, seals included.
    pub capacity: usize,
    /// Slabs in use.
    pub slabs: usize,
    /// Large blocks in use (those that are whole slabs).
    pub spans: usize,
    /// Slabs that the large blocks take.
    pub span_slabs: usize,
    /// Frees of blocks that were free already, seen and ignored so far.
    pub double_frees: usize,
    /// Blocks that something was written past the end of, seen when they were to
    /// be freed or resized; with the feature `secure`.
    pub overflows: usize,
    /// Free blocks that were left out, for what named them was overwritten; with
    /// the feature `secure`.
    pub bad_entries: usize,
    /// One entry a size class, smallest first.
    pub classes: [ClassStats; Stats::CLASSES],
}

impl Stats {
    /// The most size classes a heap can have.
    pub const CLASSES: usize = 96;

    /// Nothing at all.
    pub const EMPTY: Self = Self {
        reserved: 0,
        committed: 0,
        live: 0,
        live_blocks: 0,
        capacity: 0,
        slabs: 0,
        spans: 0,
        span_slabs: 0,
        double_frees: 0,
        overflows: 0,
        bad_entries: 0,
        classes: [ClassStats { block_size: 0, slabs: 0, live: 0, free: 0 }; Self::CLASSES],
    };

    /// Bytes that no block has. Less can be had at once: a slab that is cut into
    /// blocks of one size serves no other before all of them are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.capacity.saturating_sub(self.live)
    }
}

impl Default for Stats {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// What two heaps of the same slab size hold together.
impl AddAssign<&Self> for Stats {
    fn add_assign(&mut self, other: &Self) {
        let add = |sum: &mut usize, more: usize| *sum = sum.saturating_add(more);
        add(&mut self.reserved, other.reserved);
        add(&mut self.committed, other.committed);
        add(&mut self.live, other.live);
        add(&mut self.live_blocks, other.live_blocks);
        add(&mut self.capacity, other.capacity);
        add(&mut self.slabs, other.slabs);
        add(&mut self.spans, other.spans);
        add(&mut self.span_slabs, other.span_slabs);
        add(&mut self.double_frees, other.double_frees);
        add(&mut self.overflows, other.overflows);
        add(&mut self.bad_entries, other.bad_entries);
        self.classes.iter_mut().zip(&other.classes).for_each(|(sum, more)| *sum += more);
    }
}

impl AddAssign<&Self> for ClassStats {
    fn add_assign(&mut self, other: &Self) {
        self.block_size = self.block_size.max(other.block_size);
        self.slabs = self.slabs.saturating_add(other.slabs);
        self.live = self.live.saturating_add(other.live);
        self.free = self.free.saturating_add(other.free);
    }
}
