//! Why ranks could not be reached.

use anymem_core::memory::MemoryError;
use anymem_core::region::RegionError;

use super::Kind;

/// Why a transport did not do what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// There is no such rank.
    #[error("rank {rank} was asked for, but there are {ranks}")]
    NoSuchRank {
        /// The one asked for.
        rank: u32,
        /// How many there are.
        ranks: u32,
    },
    /// Bytes outside of the rank's arena were asked for; nothing was sent.
    #[error("{len} bytes at {at} were asked for, but the arena of rank {rank} has {arena}")]
    OutOfArena {
        /// Whose arena.
        rank: u32,
        /// The first byte asked for.
        at: u64,
        /// How many.
        len: usize,
        /// How many there are.
        arena: usize,
    },
    /// What is behind the transport failed. What was posted to the rank since the last
    /// flush may be done, or not, or in part.
    #[error("the way to rank {rank} failed with {code}: what was on it may be lost")]
    Failed {
        /// The rank on the other side; for what all ranks do together, the one that says so.
        rank: u32,
        /// MPI's error class, or one of the constants of this type.
        code: i32,
    },
    /// MPI is not there, or not as it has to be.
    #[error("MPI cannot be used as it was started ({code}): it has to allow any thread to call it")]
    Mpi {
        /// Which level of threading it has, or its error class.
        code: i32,
    },
    /// This kind of transport cannot be had here.
    #[error("no transport of the kind {0} can be had here: force no other one, or another")]
    Unavailable(Kind),
    /// The kind that is asked for is not known.
    #[error(
        "ANYMEM_MPI_TRANSPORT asks for a transport that is not known: it is loop, shared, window or two-sided"
    )]
    Unknown,
    /// There is no room for the arena.
    #[error("there is no room for an arena of {0} bytes")]
    OutOfMemory(usize),
}

impl TransportError {
    /// The code of a rank that has left.
    pub const GONE: i32 = -1;
    /// The code of a failure that was asked for.
    pub const INJECTED: i32 = -2;
    /// The code of a rank that did not do what it was asked for.
    pub const REFUSED: i32 = -3;

    /// What it is for a memory of bytes on `rank`.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Failed { code, .. } | Self::Mpi { code } => code,
            _ => Self::REFUSED,
        }
    }

    /// The same, as regions say it; of a rank that is known not to be named in the error.
    #[must_use]
    pub fn in_region(self, rank: u32) -> RegionError {
        RegionError::Transport { rank, code: self.code() }
    }
}

impl From<TransportError> for MemoryError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::OutOfArena { at, len, arena, .. } => Self::OutOfRange {
                start: usize::try_from(at).unwrap_or(usize::MAX),
                len,
                of: arena,
            },
            TransportError::NoSuchRank { .. } => Self::BadAddress,
            TransportError::OutOfMemory(requested) => Self::OutOfMemory { requested },
            other => Self::Backend { code: other.code() },
        }
    }
}

impl From<TransportError> for RegionError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Failed { rank, code } => Self::Transport { rank, code },
            other => Self::Memory(other.into()),
        }
    }
}
