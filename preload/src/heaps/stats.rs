//! What a heap holds.

use anymem::allocator::Allocator;

use super::anymem_heap;
use super::handle::{of, store};
use super::status::anymem_status;

/// What a heap holds. All numbers are bytes unless they say otherwise.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct anymem_stats {
    /// Length of the heap, its own tables included.
    pub reserved: usize,
    /// Bytes with space behind them.
    pub committed: usize,
    /// Bytes that blocks could ever take.
    pub capacity: usize,
    /// Bytes in blocks that are in use, rounded up to their block sizes.
    pub live: usize,
    /// Blocks in use.
    pub live_blocks: usize,
    /// Frees of blocks that were free already, seen and ignored so far.
    pub double_frees: usize,
}

/// Counts what the heap holds; exact while nobody allocates.
///
/// # Safety
///
/// `heap` is an open handle; `stats` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_count(
    heap: *const anymem_heap,
    stats: *mut anymem_stats,
) -> anymem_status {
    let count = || {
        // SAFETY: passed on from the caller.
        let stats = unsafe { of(heap) }?.stats();
        Ok(anymem_stats {
            reserved: stats.reserved,
            committed: stats.committed,
            capacity: stats.capacity,
            live: stats.live,
            live_blocks: stats.live_blocks,
            double_frees: stats.double_frees,
        })
    };
    // SAFETY: passed on from the caller.
    unsafe { store(stats, count) }
}
