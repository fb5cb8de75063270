//! Why blocks that nobody owns could not be told from the others.

use core::fmt;

use crate::allocator::Broken;
use crate::offset::{AllocatorId, Offset};
use crate::segment::{NAME_MAX, Text};
use crate::thread::Owner;

/// Why a value could not name the blocks it owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceError {
    /// A value names a block that is none, is free, or is too small.
    Damaged {
        /// Where the block should be.
        at: Offset,
    },
    /// A value owns a block of another heap, where the search does not go.
    OtherHeap {
        /// That heap.
        heap: AllocatorId,
    },
    /// More values wait to be looked at than there is room to note.
    TooManyPending {
        /// How many there is room for.
        room: usize,
    },
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged { at } => {
                write!(f, "a value owns the block at {at}, which is none: verify the segment")
            }
            Self::OtherHeap { heap } => write!(
                f,
                "a value owns a block of heap {heap}: unreachable blocks are found in heaps \
                 whose values stay within them"
            ),
            Self::TooManyPending { room } => {
                write!(f, "there is room to note {room} values, which is too little: give more")
            }
        }
    }
}

impl core::error::Error for TraceError {}

/// Why unreachable blocks could not be freed. None was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReclaimError {
    /// The heap is attached for reading only.
    ReadOnly,
    /// The heap is not attached in this process under its id.
    NotAttached(AllocatorId),
    /// Another process uses the heap.
    InUse {
        /// Which one.
        by: Owner,
    },
    /// The heap's own tables are damaged.
    Broken(Broken),
    /// A root is of a type that was not named.
    UnknownRoot {
        /// The root.
        name: Text<NAME_MAX>,
    },
    /// There are too few words to mark blocks in.
    TooFewMarks {
        /// How many are needed.
        needed: usize,
    },
    /// The blocks that values own could not be told.
    Trace(TraceError),
}

impl fmt::Display for ReclaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly => f.write_str("the heap is attached read-only: open it for writing"),
            Self::NotAttached(id) => {
                write!(f, "heap {id} is not attached in this process under its id: announce it")
            }
            Self::InUse { by } => {
                write!(f, "{by} uses the heap: unreachable blocks are found when nobody else does")
            }
            Self::Broken(broken) => broken.fmt(f),
            Self::UnknownRoot { name } => write!(
                f,
                "the type of root {name:?} was not named, so its blocks cannot be told: name it, \
                 or unbind the root"
            ),
            Self::TooFewMarks { needed } => write!(f, "marks need {needed} words: give as many"),
            Self::Trace(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ReclaimError {}

impl From<TraceError> for ReclaimError {
    fn from(error: TraceError) -> Self {
        Self::Trace(error)
    }
}
