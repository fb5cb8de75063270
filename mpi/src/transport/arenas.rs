//! What a rank knows of the arenas of all.

use std::ptr::NonNull;

use super::TransportError;

/// What arenas are aligned to, in bytes.
pub const ARENA_ALIGN: usize = 4096;

/// The arenas of a job as one rank sees them: where its own is, and how long each is. They
/// stay so for as long as the transport lives that has them.
#[derive(Debug)]
pub struct Arenas {
    rank: u32,
    own: NonNull<[u8]>,
    lens: Vec<usize>,
}

// SAFETY: it says where the arena is, and does not use it.
unsafe impl Send for Arenas {}
// SAFETY: as for `Send`.
unsafe impl Sync for Arenas {}

impl Arenas {
    /// Those of a job with as many ranks as there are lengths; `own` is that of `rank`.
    #[must_use]
    pub fn new(rank: u32, own: NonNull<[u8]>, lens: Vec<usize>) -> Self {
        Self { rank, own, lens }
    }

    /// The rank that sees them so.
    #[must_use]
    #[inline]
    pub fn rank(&self) -> u32 {
        self.rank
    }

    /// How many there are.
    #[must_use]
    #[inline]
    pub fn ranks(&self) -> u32 {
        // Ranks are 32 bits wide.
        self.lens.len() as u32
    }

    /// The arena of this rank.
    #[must_use]
    #[inline]
    pub fn own(&self) -> NonNull<[u8]> {
        self.own
    }

    /// Bytes in the arena of `rank`; 0 if there is no such rank.
    #[must_use]
    #[inline]
    pub fn len_of(&self, rank: u32) -> usize {
        self.lens.get(rank as usize).copied().unwrap_or(0)
    }

    /// Checks that `len` bytes at `at` are within an arena; MPI does not do that reliably.
    ///
    /// # Errors
    ///
    /// [`NoSuchRank`](TransportError::NoSuchRank), [`OutOfArena`](TransportError::OutOfArena).
    #[inline]
    pub fn check(&self, rank: u32, at: u64, len: usize) -> Result<(), TransportError> {
        let ranks = self.ranks();
        if rank >= ranks {
            return Err(TransportError::NoSuchRank { rank, ranks });
        }
        let arena = self.len_of(rank);
        let end = usize::try_from(at).ok().and_then(|at| at.checked_add(len));
        match end {
            Some(end) if end <= arena => Ok(()),
            _ => Err(TransportError::OutOfArena { rank, at, len, arena }),
        }
    }

    /// Checks the lengths that [`Transport::all_gather`](super::Transport::all_gather) was
    /// called with.
    ///
    /// # Errors
    ///
    /// [`REFUSED`](TransportError::REFUSED).
    pub fn check_gather(&self, mine: &[u8], all: &[u8]) -> Result<(), TransportError> {
        if mine.len().checked_mul(self.lens.len()) == Some(all.len()) {
            Ok(())
        } else {
            Err(TransportError::Failed { rank: self.rank, code: TransportError::REFUSED })
        }
    }
}
