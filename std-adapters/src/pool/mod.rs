//! Pools: blocks by address, out of a [provider](crate::provider)'s memory.
//!
//! A heap of offsets ([`Allocator`](crate::allocator::Allocator)) stands in one span that
//! knows its own layout; a pool takes spans as it needs them and hands out blocks as
//! `malloc` does: freed without a size, by address alone. (Unified Memory Framework:
//! memory pool.)
//!
//! | pool | memory | what it is for |
//! |---|---|---|
//! | [`ThreadLocalPool`] | one span that the CPU can touch | the recommended one |
//! | [`ScalablePagePool`] | the same | no heap slots for threads |
//! | [`DisjointPool`] | any, as it needs it | memory that the CPU must not touch |
//! | `JemallocPool` (feature `jemalloc`) | touchable, which can be split, as it needs it | little waste, many sizes |
//! | [`ScalablePool`] | touchable, as it needs it | oneTBB's allocator, loaded when it is needed |
//! | [`ProxyPool`] | any, a span for each block | large blocks, and to try providers out |
//! | [`LinkedListPool`] | touchable, as it needs it | a few KiB |
//!
//! Whoever has an algorithm of his own implements [`Pool`].

mod block_header;
mod cache;
mod disjoint;
mod error;
mod feed;
mod fronted;
mod heap;
#[cfg(feature = "jemalloc")]
mod jemalloc;
mod lane_sizes;
mod last;
mod linked_list;
mod lock;
mod owners;
mod proxy;
mod registry;
mod scalable;
mod stats;
mod tally;
mod tracked;

pub use cache::Caches;
pub use disjoint::{DisjointOptions, DisjointPool, SharedLimit};
pub use error::PoolError;
pub use heap::{HeapPool, HeapPoolOptions, ScalablePagePool, ThreadLocalPool};
#[cfg(feature = "jemalloc")]
pub use jemalloc::{JemallocOptions, JemallocPool};
pub use last::last_provider_error;
pub use linked_list::LinkedListPool;
pub(crate) use owners::next_id as next_region_id;
pub use proxy::{ProxyOptions, ProxyPool};
pub(crate) use registry::{Known, known};
pub use registry::{
    Owner, PoolHandle, all, by_id, by_name, clear_default, default_for, free, id_of, of, owner,
    set_default, usable_size,
};
pub use scalable::{ScalableOptions, ScalablePool};
pub use stats::PoolStats;
pub use tracked::Tracked;

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use crate::control::Knob;
use crate::provider::Provider;

/// Hands out blocks of a provider's memory, by address.
///
/// Any size and any power-of-two alignment may be asked for; zero bytes get a block of
/// their own. Failures are values; nothing here panics or unwinds.
///
/// # Safety
///
/// A block that was handed out stays valid, and is handed out to nobody else, until it is
/// freed. It is as large and as aligned as was asked for.
pub unsafe trait Pool: Send + Sync + fmt::Debug {
    /// What the pool is called: the name of its algorithm, or what its maker chose.
    fn name(&self) -> &str;

    /// Where its memory comes from.
    fn provider(&self) -> &dyn Provider;

    /// The spans that the pool has taken of its provider, by which its blocks are found;
    /// `None` if they are not to be found by anybody else.
    fn memory(&self) -> Option<&Tracked> {
        None
    }

    /// The caches that threads have of its blocks. A [`PoolHandle`] and [`free`] ask the pool
    /// only where they cannot help; `None` if it is to be asked always.
    fn caches(&self) -> Option<Caches> {
        None
    }

    /// Allocates a block.
    ///
    /// # Errors
    ///
    /// The provider has no memory, or the request can never be met.
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError>;

    /// Allocates a block whose `layout.size()` bytes are zero.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate).
    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let block = self.allocate(layout)?;
        // SAFETY: the block is new and has that many bytes.
        match unsafe { self.provider().fill(block, 0, layout.size()) } {
            Ok(()) => Ok(block),
            Err(error) => {
                // SAFETY: nobody else has heard of the block.
                unsafe { self.free(block) }?;
                Err(error.into())
            }
        }
    }

    /// Makes a block larger or smaller, in place where that is possible; as aligned as
    /// any block of that size is, and no more.
    ///
    /// The first bytes are kept, as many as both have. On an error the old block is
    /// untouched and still the caller's.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate), and [`PoolError::NotABlock`] where that can be
    /// seen.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        new_size: usize,
    ) -> Result<NonNull<u8>, PoolError> {
        // SAFETY: passed on from the caller.
        unsafe { reallocate_by_copy(self, block, new_size) }
    }

    /// Frees a block.
    ///
    /// # Errors
    ///
    /// [`PoolError::NotABlock`] where it can be seen that no block starts there, or that
    /// it is free already; the pool is as if the call had not been made.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this pool and is not used afterwards.
    unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError>;

    /// Frees a block whose layout the caller knows, which may be faster.
    ///
    /// # Errors
    ///
    /// As [`free`](Self::free).
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free); the block was asked for with `layout`.
    unsafe fn free_sized(&self, block: NonNull<u8>, layout: Layout) -> Result<(), PoolError> {
        let _ = layout;
        // SAFETY: passed on from the caller.
        unsafe { self.free(block) }
    }

    /// How many bytes of a live block may be used: those asked for, or more.
    ///
    /// # Errors
    ///
    /// [`PoolError::NotABlock`] where that can be seen.
    fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError>;

    /// Gives memory that no block needs back to the provider, but for `keep` bytes of it;
    /// how many bytes went.
    fn trim(&self, keep: usize) -> usize {
        let _ = keep;
        0
    }

    /// What the pool has counted.
    fn stats(&self) -> PoolStats;

    /// What can be read, set and run by name, besides what every pool has.
    fn knobs(&self) -> Vec<Knob<'_>> {
        Vec::new()
    }
}

/// Makes a block larger or smaller by moving it, unless it is neither too small nor twice
/// as large as it has to be.
///
/// # Safety
///
/// As for [`Pool::reallocate`].
unsafe fn reallocate_by_copy<P: Pool + ?Sized>(
    pool: &P,
    block: NonNull<u8>,
    new_size: usize,
) -> Result<NonNull<u8>, PoolError> {
    let had = pool.usable_size(block)?;
    if new_size <= had && new_size >= had / 2 {
        return Ok(block);
    }
    let layout = Layout::from_size_align(new_size, align_of::<libc::max_align_t>())
        .map_err(|_| PoolError::TooLarge { requested: new_size })?;
    let moved = pool.allocate(layout)?;
    // SAFETY: both blocks are this pool's and have that many bytes.
    if let Err(error) = unsafe { pool.provider().copy(block, moved, had.min(new_size)) } {
        // SAFETY: nobody else has heard of the new block.
        unsafe { pool.free(moved) }?;
        return Err(error.into());
    }
    // SAFETY: passed on from the caller.
    unsafe { pool.free(block) }?;
    Ok(moved)
}
