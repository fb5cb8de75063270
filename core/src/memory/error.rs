//! Why something could not be done in a memory.

use core::fmt;

/// Why a memory did not do what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryError {
    /// There is no room for the block.
    OutOfMemory {
        /// Bytes that were asked for.
        requested: usize,
    },
    /// The memory does not know the address.
    BadAddress,
    /// Bytes or elements that are not there were asked for.
    OutOfRange {
        /// The first one.
        start: usize,
        /// How many.
        len: usize,
        /// How many there are.
        of: usize,
    },
    /// Source and destination of a copy overlap, and the memory cannot copy such.
    Overlap,
    /// Copies that were posted at the same time failed, and another thread was told why.
    FlushFailed,
    /// The memory cannot do that at all.
    Unsupported,
    /// What is behind the memory failed: a driver, a network, a device.
    Backend {
        /// Its own number for what happened.
        code: i32,
    },
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory { requested } => {
                write!(f, "the memory has no room for {requested} bytes: free some there")
            }
            Self::BadAddress => f.write_str("the address is none of this memory"),
            Self::OutOfRange { start, len, of } => {
                write!(f, "{len} from {start} were asked for, but there are {of}")
            }
            Self::Overlap => f.write_str(
                "source and destination overlap: copy by way of another block, or in parts",
            ),
            Self::FlushFailed => f.write_str(
                "copies that were posted at the same time failed: another thread was told why",
            ),
            Self::Unsupported => f.write_str("this memory cannot do that"),
            Self::Backend { code } => write!(f, "what is behind the memory failed with {code}"),
        }
    }
}

impl core::error::Error for MemoryError {}
