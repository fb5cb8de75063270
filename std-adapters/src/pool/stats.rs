//! What a pool has counted.

/// What a pool has counted; each number was true at some moment of the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolStats {
    /// Bytes of the blocks that are handed out.
    pub used: usize,
    /// Bytes that the pool has of its provider, used or not.
    pub reserved: usize,
    /// Blocks that are handed out.
    pub blocks: usize,
}
