//! What a coarse layer has counted.

/// What a coarse layer has counted, all at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CoarseStats {
    /// Bytes that it has, handed out or not.
    pub reserved: usize,
    /// How many pieces these came in.
    pub regions: usize,
    /// How many spans are handed out.
    pub spans: usize,
    /// Bytes that are not handed out.
    pub free: usize,
    /// How many pieces these are in.
    pub free_ranges: usize,
    /// Bytes in the largest of them.
    pub largest_free: usize,
}
