//! Blocks that threads keep at hand, in front of a pool with lanes.
//!
//! A *lane* is a size that a pool cuts memory into. For each pool and lane a thread has a
//! magazine: a short list of free blocks. Allocating takes one out and freeing puts one
//! in, without atomic read-modify-writes, locks, or lines that other threads write. An
//! empty magazine is filled from the pool. A full one becomes longer, up to the most that a
//! thread keeps, and then half of it goes back: many blocks at a time.
//!
//! Which lane a block is of stands in the [owners map](super::owners), so freeing by
//! address alone needs no look at the block, nor at what the pool knows of it.
//!
//! # What it guarantees
//!
//! - What a thread keeps goes back when it ends, in a forked child what the other threads
//!   kept, and when the pool goes what all did.
//! - A thread keeps at most [`room`](Lanes::room) blocks of a lane.
//! - A block that is freed twice in a row is noticed at once. If it is freed twice with
//!   others in between, the pool notices when it is handed back.
//!
//! # Locks
//!
//! A pool's list of caches has a lock, which is held while a thread that ends hands its
//! blocks back: the pool's own come after it.

mod front;
mod local;
mod magazine;
mod small_lanes;

pub(crate) use front::{Front, Kept};
pub(crate) use local::{pop as pop_by_key, pop_small as pop_small_by_key, push as push_by_key};

use core::ptr::NonNull;

use anymem_core::sync::owners::Entry;

use super::PoolError;

/// The caches that threads have in front of a [pool](super::Pool), into which a
/// [handle](super::PoolHandle) looks by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caches {
    pub(super) key: usize,
}

/// How many lanes a page can say, and 0, which is none.
pub(crate) const LANES: usize = Entry::LANES + 1;

/// A pool that hands out and takes back many blocks of a lane at once.
///
/// # Safety
///
/// Blocks that were taken are valid and nobody else's until they are put back.
pub(crate) unsafe trait Lanes: Send + Sync {
    /// The lane of blocks of `size` bytes that need not be aligned to more than 16; 0 if
    /// they have none.
    fn lane(&self, size: usize) -> usize;

    /// How many blocks of a lane a thread may keep.
    fn room(&self, lane: usize) -> usize;

    /// Writes blocks of a lane to the front of `to`, which has a place at least; how many,
    /// 1 or more. From then on the map names the lane for their addresses.
    ///
    /// # Errors
    ///
    /// There is no memory for any.
    fn take(&self, lane: usize, to: &mut [*mut u8]) -> Result<usize, PoolError>;

    /// Takes blocks back; how many of them it could see not to be live ones of the lane,
    /// with which it does nothing.
    ///
    /// # Safety
    ///
    /// The others are, and nobody uses them any more.
    unsafe fn put(&self, lane: usize, blocks: &[NonNull<u8>]) -> usize;
}
