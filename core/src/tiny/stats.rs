//! What a heap holds, counted.

/// What a heap holds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TinyStats {
    /// Bytes that blocks can have altogether.
    pub capacity: usize,
    /// Bytes of blocks in use, rounded up to granules of 8.
    pub used: usize,
    /// The most that was ever in use.
    pub peak: usize,
    /// The largest free block. Small ones that are kept as they are do not count.
    pub largest: usize,
}

impl TinyStats {
    /// Bytes that are free, in blocks of any size.
    #[must_use]
    pub fn free(&self) -> usize {
        self.capacity - self.used
    }
}
