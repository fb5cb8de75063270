//! Why there is no heap.

use core::fmt;

/// The memory is too small for a heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSmall {
    /// Its bytes.
    pub len: usize,
}

impl fmt::Display for TooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes have no room for a heap's own numbers and a block", self.len)
    }
}

impl core::error::Error for TooSmall {}
