//! What moves bytes between ranks.

use std::ptr::NonNull;
use std::sync::Arc;

use super::{Arenas, Kind, TransportError};

/// Any transport, shared by all who use it.
pub type AnyTransport = Arc<dyn Transport>;

/// Moves bytes between the ranks of a job, each of which has an arena: bytes that the others
/// can reach.
///
/// Gets and puts are posted: they are done when [`flush`](Self::flush) has returned. What
/// orders the ranks among each other is [`barrier`](Self::barrier); what a rank wrote to its
/// arena, and what was put and flushed, is there for the others after it.
///
/// # Safety
///
/// - [`arenas`](Self::arenas) are always the same. This rank's own stays where it is as long
///   as the transport lives, initialised, and aligned to [`ARENA_ALIGN`](super::ARENA_ALIGN).
/// - A get or put touches exactly the bytes it was asked for, on both sides, and none if
///   they are not all within the arena.
/// - A [`shared`](Self::shared) arena is readable and writable by this process, and is the
///   same bytes as that rank's own.
/// - No method unwinds.
pub unsafe trait Transport: Send + Sync {
    /// What kind it is.
    fn kind(&self) -> Kind;

    /// The ranks, and how long the arena of each is.
    fn arenas(&self) -> &Arenas;

    /// The rank of who asks.
    fn rank(&self) -> u32 {
        self.arenas().rank()
    }

    /// How many ranks there are.
    fn ranks(&self) -> u32 {
        self.arenas().ranks()
    }

    /// The arena of this rank; its bytes are initialised.
    fn arena(&self) -> NonNull<[u8]> {
        self.arenas().own()
    }

    /// Bytes in the arena of `rank`; 0 if there is no such rank.
    fn arena_len(&self, rank: u32) -> usize {
        self.arenas().len_of(rank)
    }

    /// Where this process finds the arena of `rank`, if it can reach it by itself.
    fn shared(&self, rank: u32) -> Option<NonNull<[u8]>> {
        (rank == self.rank()).then(|| self.arena())
    }

    /// Gets `len` bytes from `from` on of the arena of `rank`.
    ///
    /// # Errors
    ///
    /// The bytes are not in the arena, or the transport failed.
    ///
    /// # Safety
    ///
    /// `to` is writable for `len` bytes, which nobody uses until the rank is flushed.
    unsafe fn get(
        &self,
        to: *mut u8,
        rank: u32,
        from: u64,
        len: usize,
    ) -> Result<(), TransportError>;

    /// Puts `len` bytes to the arena of `rank`, from `to` on.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Safety
    ///
    /// `from` is readable for `len` bytes, which nobody writes until the rank is flushed.
    /// Nobody on that rank holds a reference to the bytes put.
    unsafe fn put(
        &self,
        rank: u32,
        to: u64,
        from: *const u8,
        len: usize,
    ) -> Result<(), TransportError>;

    /// Waits until all that was posted to `rank` is done, on both sides.
    ///
    /// # Errors
    ///
    /// Something of it failed: all of it may be done, or not, or in part. None of it is
    /// still on the way.
    fn flush(&self, rank: u32) -> Result<(), TransportError>;

    /// Gives each rank what all ranks have: `mine` of rank `i` is the `i`-th part of `all`.
    ///
    /// All ranks have to call it, in the same order, with as many bytes; `all` has as many
    /// times as many as there are ranks. Works for others while it waits.
    ///
    /// # Errors
    ///
    /// A rank has left, the transport failed, or `all` has another length.
    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<(), TransportError>;

    /// Waits until all ranks are here.
    ///
    /// # Errors
    ///
    /// As [`all_gather`](Self::all_gather).
    fn barrier(&self) -> Result<(), TransportError> {
        self.all_gather(&[], &mut [])
    }

    /// Does what others wait for. Only [two-sided](Kind::TwoSided) ones need it, from ranks
    /// that compute for long without calling any other method.
    ///
    /// # Errors
    ///
    /// The transport failed.
    fn progress(&self) -> Result<(), TransportError> {
        Ok(())
    }
}
