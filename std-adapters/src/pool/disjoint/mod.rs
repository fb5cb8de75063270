//! Blocks of memory that the pool itself never touches.
//!
//! All that the pool knows stands elsewhere, so the memory may be a device's. Blocks of
//! one size are cut from *slabs*, spans of the provider; a bit each says which are free.
//! In front of the slabs stand the [caches](super::cache) of the threads, and larger
//! blocks are spans of their own.
//!
//! # Cost
//!
//! Where the thread has a block at hand, allocating and freeing one take about 70
//! instructions together, none of them an atomic read-modify-write, and no line is
//! written that other threads write.
//!
//! # Locks
//!
//! Each size has one, which is held while blocks move between slabs and caches, and never
//! while the provider is called.

mod knobs;
mod lane;
mod limit;
mod options;
mod settings;
mod shelf;
mod slab;
mod store;

pub use limit::SharedLimit;
pub use options::DisjointOptions;

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use self::settings::Settings;
use self::store::{Store, Told};
use super::cache::{Front, Kept, Lanes, pop_by_key, push_by_key};
use super::{Caches, Pool, PoolError, PoolStats, Tracked};
use crate::control::Knob;
use crate::provider::{Provider, ProviderError};

/// A pool whose memory may be such that the CPU must not touch: all that it knows of its
/// blocks stands elsewhere. (Unified Memory Framework: disjoint pool.)
///
/// Made by [`DisjointOptions::build`]. Blocks are cut from slabs in sizes of 16, 32, 48 and
/// 64 bytes, and above in four for each doubling; what is larger than
/// [`max_poolable_size`](DisjointOptions::max_poolable_size), or aligned to more than the
/// provider's page, is a span of its own.
///
/// # Freeing what is not there
///
/// An address that is in none of the pool's spans is [`PoolError::NotABlock`], and so is a
/// block that is freed twice in a row, or that is a span of its own. What else is wrong
/// is noticed when a thread's blocks are handed back: then it is ignored, and counted in
/// the knob `stats.misuses`. A [strict](DisjointOptions::strict) pool notices all at once.
///
/// # When it goes
///
/// Dropping the pool gives all slabs back of which no block is live. The others stay where
/// they are, for their blocks are somebody's.
pub struct DisjointPool {
    store: Arc<Store>,
    /// `None` in a strict pool.
    front: Option<Front>,
}

impl DisjointPool {
    fn from_parts(options: DisjointOptions, settings: Settings, memory: Tracked) -> Self {
        let is_strict = options.thread_cache == 0;
        let key = memory.key();
        let store = Arc::new(Store::new(options.name, memory, settings, options.limit));
        let lanes = Arc::clone(&store);
        let front = (!is_strict).then(|| Front::new(key, lanes));
        Self { store, front }
    }

    /// Tells the threads' caches that the settings say other lanes.
    fn renew_lanes(&self) {
        if let Some(front) = &self.front {
            front.renew(&*self.store);
        }
    }

    fn not_a_block(&self, block: NonNull<u8>) -> PoolError {
        PoolError::NotABlock { pool: self.store.name.clone(), address: block.addr().get() }
    }

    /// Allocates a block that the calling thread has not at hand. Where there is no memory
    /// for it, what is kept for later is given back first.
    #[cold]
    fn allocate_cold(&self, lane: usize, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let first = self.allocate_new(lane, layout);
        let is_short = matches!(
            first,
            Err(PoolError::Limit { .. } | PoolError::Provider(ProviderError::NoMemory { .. }))
        );
        if is_short && self.trim(0) > 0 { self.allocate_new(lane, layout) } else { first }
    }

    fn allocate_new(&self, lane: usize, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        if lane == 0 {
            return self.store.allocate_direct(layout);
        }
        if let Some(front) = &self.front {
            return front.refill(&*self.store, lane);
        }
        let mut block = [core::ptr::null_mut()];
        self.store.take(lane, &mut block)?;
        self.store.ever_uncached.fetch_add(1, Ordering::Relaxed);
        NonNull::new(block[0]).ok_or(PoolError::TooLarge { requested: layout.size() })
    }

    /// Frees a block that the calling thread has no room for.
    #[cold]
    unsafe fn free_cold(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        let lane = self.store.memory.entry(block).map_or(0, |entry| entry.lane());
        let freed = match (lane, &self.front) {
            (0, _) => self.store.free_direct(block),
            // SAFETY: passed on from the caller; the map names the lane.
            (_, Some(front)) => unsafe { front.spill(&*self.store, lane, block) == Kept::Kept },
            // SAFETY: as above.
            (_, None) => unsafe { self.store.put(lane, &[block]) == 0 },
        };
        if freed { Ok(()) } else { Err(self.not_a_block(block)) }
    }

    /// Blocks and bytes that are handed out, and how many ever were.
    fn tally(&self) -> Tally {
        let load = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let (mut taken, mut bytes) = (0_usize, 0_usize);
        let mut tally = Tally { ever: load(&self.store.ever_uncached), ..Tally::default() };
        // First, for it may give blocks back to their slabs; no thread that ends does so then
        // until all are counted.
        let kept = self.front.as_ref().map(|front| {
            front.count(|lane, kept| {
                taken = taken.wrapping_sub(kept);
                bytes = bytes.wrapping_sub(kept * lane::size(lane));
            })
        });
        if let Some(kept) = &kept {
            tally.ever = tally.ever.wrapping_add(kept.popped);
            tally.misuses = kept.misuses;
        }
        self.store.count(|lane, counts| {
            taken = taken.wrapping_add(counts.taken);
            bytes = bytes.wrapping_add(counts.taken * lane::size(lane));
            tally.reserved += counts.reserved;
            tally.slabs += counts.made;
        });
        tally.ever_pooled = tally.ever;
        tally.ever = tally.ever.wrapping_add(load(&self.store.ever_direct));
        // Counted while others allocate and free, so not of one moment.
        tally.blocks = (taken as isize).max(0) as usize + load(&self.store.direct);
        tally.used = (bytes as isize).max(0) as usize + load(&self.store.direct_bytes);
        tally.reserved += load(&self.store.direct_bytes);
        tally
    }
}

/// What a pool has counted.
#[derive(Debug, Default)]
struct Tally {
    blocks: usize,
    used: usize,
    reserved: usize,
    /// How many blocks were ever handed out, and how many of those were cut from slabs.
    ever: usize,
    ever_pooled: usize,
    /// How many slabs were ever made.
    slabs: usize,
    misuses: usize,
}

// SAFETY: blocks come from slabs, where a bit keeps them apart, by way of the caches, which
// hand each out that they were given once; or are spans of their own.
unsafe impl Pool for DisjointPool {
    fn name(&self) -> &str {
        &self.store.name
    }

    fn provider(&self) -> &dyn Provider {
        &self.store.memory
    }

    fn memory(&self) -> Option<&Tracked> {
        Some(&self.store.memory)
    }

    fn caches(&self) -> Option<Caches> {
        self.front.as_ref().map(Front::caches)
    }

    #[inline]
    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let lane = self.store.settings.lane(layout);
        match pop_by_key(self.store.memory.key(), lane) {
            Some(block) => Ok(block),
            None => self.allocate_cold(lane, layout),
        }
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let block = self.allocate(layout)?;
        let is_fresh = self.store.settings.lane(layout) == 0 && self.store.memory.zeroed();
        if is_fresh {
            return Ok(block);
        }
        // SAFETY: the block is new and has that many bytes.
        if let Err(error) = unsafe { self.store.memory.fill(block, 0, layout.size()) } {
            // SAFETY: nobody else has heard of the block.
            unsafe { self.free(block) }?;
            return Err(error.into());
        }
        Ok(block)
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        if let Some(entry) = self.store.memory.entry(block) {
            // SAFETY: a live block of the lane that the map names, as the caller agreed to.
            if let Some(Kept::Kept) = unsafe { push_by_key(entry.key(), entry.lane(), block) } {
                return Ok(());
            }
        }
        // SAFETY: passed on from the caller.
        unsafe { self.free_cold(block) }
    }

    fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError> {
        self.store.usable_size(block).ok_or_else(|| self.not_a_block(block))
    }

    fn trim(&self, keep: usize) -> usize {
        if let Some(front) = &self.front {
            front.flush(&*self.store);
        }
        self.store.trim(keep)
    }

    fn stats(&self) -> PoolStats {
        let Tally { used, reserved, blocks, .. } = self.tally();
        PoolStats { used, reserved, blocks }
    }

    fn knobs(&self) -> Vec<Knob<'_>> {
        knobs::of(self)
    }
}

impl Drop for DisjointPool {
    fn drop(&mut self) {
        if let Some(front) = &mut self.front {
            front.close();
        }
        let Tally { blocks, used, reserved, ever, .. } = self.tally();
        self.store.tell(
            Told::Summary,
            format_args!(
                "goes after {ever} allocations, with {blocks} blocks of {used} bytes live, and \
                 {reserved} bytes of the provider's"
            ),
        );
    }
}

impl fmt::Debug for DisjointPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DisjointPool").field("name", &self.store.name).finish_non_exhaustive()
    }
}
