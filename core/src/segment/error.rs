//! Why a segment could not be made or attached.

use core::fmt;

use crate::backend::CommitError;
use crate::thread::Owner;

/// Why a segment could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateError {
    /// The span is too short for a heap.
    TooSmall {
        /// Bytes that there are.
        len: usize,
        /// Heap slots that were asked for.
        slots: usize,
    },
    /// There is no space behind the span.
    NoSpace(CommitError),
    /// The id is the null id.
    NullId,
    /// More heap slots than a segment can have.
    TooManySlots {
        /// Slots that were asked for.
        slots: usize,
        /// The most there can be.
        most: usize,
    },
    /// The span can only be read.
    ReadOnly,
    /// The base is not aligned to the slab size.
    Misaligned {
        /// The alignment needed, in bytes.
        needed: usize,
    },
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { len, slots } => write!(
                f,
                "{len} bytes are too few for a heap with {slots} slots: give more memory, fewer \
                 slots or a smaller slab size"
            ),
            Self::NoSpace(error) => error.fmt(f),
            Self::NullId => f.write_str("the null allocator id cannot be used: choose another"),
            Self::TooManySlots { slots, most } => {
                write!(f, "{slots} heap slots were asked for, {most} are the most: ask for fewer")
            }
            Self::ReadOnly => f.write_str("a heap cannot be made in memory that is read-only"),
            Self::Misaligned { needed } => {
                write!(f, "the memory must start at a multiple of {needed} bytes")
            }
        }
    }
}

impl core::error::Error for CreateError {}

impl From<CommitError> for CreateError {
    fn from(error: CommitError) -> Self {
        Self::NoSpace(error)
    }
}

/// Why a span was not accepted as a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachError {
    /// The span is shorter than a header.
    TooShort {
        /// Bytes that there are.
        len: usize,
        /// Bytes that a header takes.
        needed: usize,
    },
    /// The span does not start as a segment does.
    NotASegment {
        /// Its first eight bytes.
        found: [u8; 8],
    },
    /// The segment was made on a machine of the other byte order.
    OtherByteOrder,
    /// The segment has another layout version.
    OtherVersion {
        /// The segment's version.
        found: u32,
        /// The version this program understands.
        expected: u32,
    },
    /// The segment was made with another slab size, word size or other classes.
    OtherLayout {
        /// The segment's layout fingerprint.
        found: u64,
        /// This program's.
        expected: u64,
    },
    /// One of the segment's creator and this program is hardened (feature
    /// `secure`), the other is not: the blocks of one look damaged to the other.
    OtherHardening {
        /// Whether the segment is hardened.
        hardened: bool,
    },
    /// The segment is longer than what is there of it: it was cut off.
    Truncated {
        /// Bytes that there are.
        len: u64,
        /// Bytes that the header tells of.
        expected: u64,
    },
    /// The creator has not finished yet: try again.
    StillCreating {
        /// The creator.
        creator: Owner,
    },
    /// The creator died before it finished: remove the segment.
    CreatorDied {
        /// The creator that was.
        creator: Owner,
    },
    /// The numbers in the header contradict each other.
    Damaged,
    /// The base is not aligned to the slab size.
    Misaligned {
        /// The alignment needed, in bytes.
        needed: usize,
    },
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { len, needed } => write!(
                f,
                "{len} bytes are no segment, whose header alone takes {needed}: the file was cut \
                 off or is something else"
            ),
            Self::NotASegment { found } => {
                write!(f, "not a segment: it starts with {:?}", found.escape_ascii())
            }
            Self::OtherByteOrder => {
                f.write_str("the segment comes from a machine of the other byte order")
            }
            Self::OtherVersion { found, expected } => write!(
                f,
                "the segment has layout version {found}, this program reads {expected}: use the \
                 program that made it, or make it anew"
            ),
            Self::OtherLayout { found, expected } => write!(
                f,
                "the segment was made with another slab size or word size (layout {found:#018x}, \
                 here {expected:#018x}): use a build that matches"
            ),
            Self::OtherHardening { hardened: true } => f.write_str(
                "the segment is hardened, this program is not: build it with the feature `secure`",
            ),
            Self::OtherHardening { hardened: false } => f.write_str(
                "this program is hardened, the segment is not: build it without the feature \
                 `secure`, or make the segment anew",
            ),
            Self::Truncated { len, expected } => {
                write!(f, "the segment was cut off: {len} of {expected} bytes are there")
            }
            Self::StillCreating { creator } => {
                write!(f, "the segment is still being made by {creator}: try again")
            }
            Self::CreatorDied { creator } => {
                write!(f, "{creator} died while it made the segment: remove it and make it anew")
            }
            Self::Damaged => {
                f.write_str("the segment's header is damaged: restore it or remove it")
            }
            Self::Misaligned { needed } => {
                write!(f, "the memory must start at a multiple of {needed} bytes")
            }
        }
    }
}

impl core::error::Error for AttachError {}
