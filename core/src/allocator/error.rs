//! Why an allocator call failed.

use core::fmt;

use crate::backend::CommitError;

/// Why there is no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocError {
    /// No free room of that size is left; frees make some.
    Full {
        /// Bytes that were asked for.
        requested: usize,
    },
    /// The request is larger than the whole heap could ever serve.
    TooLarge {
        /// Bytes that were asked for.
        requested: usize,
    },
    /// The heap has room, but the system has none to put behind it.
    NoSpace(CommitError),
    /// The heap is attached for reading only.
    ReadOnly,
    /// A number in the segment made no sense; see `check`.
    Corrupt,
    /// No heap of that id is attached in this process.
    NotAttached,
    /// What is to name the block is not a word of the heap.
    Outside,
    /// The function that fills a block exchanges another one.
    Nested,
    /// The block that was to become larger or smaller could not even be freed.
    /// Only hardened heaps (feature `secure`) look.
    BadBlock(FreeError),
}

impl AllocError {
    /// The same, said of the request that the caller made: on the way to it,
    /// other sizes were asked for.
    pub(crate) fn of_request(self, requested: usize) -> Self {
        match self {
            Self::Full { .. } => Self::Full { requested },
            other => other,
        }
    }
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { requested } => {
                write!(f, "no room for {requested} bytes: free blocks or use a larger heap")
            }
            Self::TooLarge { requested } => {
                write!(f, "{requested} bytes are more than this heap can ever hold")
            }
            Self::NoSpace(error) => error.fmt(f),
            Self::ReadOnly => f.write_str("the heap is attached read-only: open it for writing"),
            Self::Corrupt => f.write_str("the heap's metadata is damaged: verify the segment"),
            Self::NotAttached => f.write_str("the heap is not attached in this process: open it"),
            Self::Outside => f.write_str("what is to name the block is not a word of the heap"),
            Self::Nested => f.write_str(
                "the function that fills a block exchanges another one: do that before or after",
            ),
            Self::BadBlock(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AllocError {}

impl From<CommitError> for AllocError {
    fn from(error: CommitError) -> Self {
        Self::NoSpace(error)
    }
}

impl From<FreeError> for AllocError {
    fn from(error: FreeError) -> Self {
        Self::BadBlock(error)
    }
}

/// Why a block could not be freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreeError {
    /// The address is outside the heap.
    Outside,
    /// No block starts there.
    NotABlock,
    /// The block is free already.
    DoubleFree,
    /// Something was written past the end of the block, or where it is no block
    /// of anybody's was handed out. It stays out of circulation. Only hardened
    /// heaps (feature `secure`) look.
    Overflow {
        /// Bytes that its user has: what was asked for or, where even the note
        /// of that is overwritten, all that the block has room for.
        size: usize,
    },
    /// The heap is attached for reading only.
    ReadOnly,
}

impl fmt::Display for FreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Outside => "the address is outside the heap",
            Self::NotABlock => "no block starts at that address",
            Self::DoubleFree => "the block was freed before",
            Self::Overflow { size } => {
                return write!(
                    f,
                    "something was written past the {size} bytes of the block: find out who has \
                     it and what is next to it"
                );
            }
            Self::ReadOnly => "the heap is attached read-only: open it for writing",
        })
    }
}

impl core::error::Error for FreeError {}

/// Every heap slot is held by a living thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsFull {
    /// How many slots the heap has.
    pub slots: usize,
}

impl fmt::Display for TlsFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "all {} heap slots are taken: create the heap with more, or let threads end",
            self.slots
        )
    }
}

impl core::error::Error for TlsFull {}

/// What `check` found wrong in a heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// The rule that does not hold.
    pub what: &'static str,
    /// The slab where it does not hold, or the heap slot if `what` is about
    /// one.
    pub at: usize,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at number {})", self.what, self.at)
    }
}

impl core::error::Error for Broken {}
