//! Why pages could not be had or copied.

use core::fmt;

use super::{Geometry, RegionId};
use crate::memory::MemoryError;

/// Why a region did not do what it was asked for.
///
/// All but [`Memory`](Self::Memory) and [`Transport`](Self::Transport) are found before any
/// byte moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegionError {
    /// The two regions have not the same bytes and pages.
    Geometry {
        /// That of the source.
        source: Geometry,
        /// That of the destination.
        destination: Geometry,
    },
    /// The bytes that were asked for are not all in the region.
    Access {
        /// The first byte that was asked for and is not there.
        at: usize,
        /// How many bytes there are.
        bytes: usize,
    },
    /// Pages that the destination has are not allocated in the source.
    Unallocated {
        /// The region that lacks them.
        region: RegionId,
        /// The first of them.
        first: usize,
        /// How many there are.
        pages: usize,
    },
    /// Pages of the source were never written, or hold what a failed copy left.
    Invalid {
        /// The region that has them.
        region: RegionId,
        /// The first of them.
        first: usize,
        /// How many there are.
        pages: usize,
    },
    /// Pages were written in the destination, which would lose that.
    Overwrite {
        /// The first of them.
        first: usize,
        /// How many there are.
        pages: usize,
    },
    /// The page was not asked for, and so is not pinned.
    Unpinned {
        /// The page.
        page: usize,
    },
    /// Somebody else is using the page.
    Busy {
        /// The page.
        page: usize,
    },
    /// The region is of a kind, or the memory of one, that cannot do that.
    Unsupported,
    /// What others were to do failed: a network, another rank.
    Transport {
        /// The rank that it was of.
        rank: u32,
        /// Its own number for what happened.
        code: i32,
    },
    /// What a memory says.
    Memory(MemoryError),
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Geometry { source, destination } => write!(
                f,
                "{} bytes in pages of {} cannot be copied to {} in pages of {}: make both alike",
                source.bytes(),
                source.page_size(),
                destination.bytes(),
                destination.page_size()
            ),
            Self::Access { at, bytes } => {
                write!(f, "byte {at} was asked for, but the region has {bytes}")
            }
            Self::Unallocated { region, first, pages } => write!(
                f,
                "{pages} pages from {first} on are not allocated in {region}: anchor them there"
            ),
            Self::Invalid { region, first, pages } => write!(
                f,
                "{pages} pages from {first} on hold nothing in {region}: write them there first"
            ),
            Self::Overwrite { first, pages } => write!(
                f,
                "{pages} pages from {first} on were written here since: push them, or force it"
            ),
            Self::Unpinned { page } => {
                write!(f, "page {page} was not asked for: name it in the access pattern")
            }
            Self::Busy { page } => write!(f, "page {page} is in use: try again when it is not"),
            Self::Unsupported => f.write_str("this kind of region cannot do that"),
            Self::Transport { rank, code } => {
                write!(f, "the transport to rank {rank} failed with {code}")
            }
            Self::Memory(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RegionError {}

impl From<MemoryError> for RegionError {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}
