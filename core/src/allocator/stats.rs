//! What a heap holds, counted.

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
}

impl Default for Stats {
    fn default() -> Self {
        Self::EMPTY
    }
}
