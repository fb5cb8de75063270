//! The settings of a disjoint pool, which may change while it is in use.

use core::alloc::Layout;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::{DisjointOptions, lane};
use crate::pool::{PoolError, Tracked};
use crate::provider::Provider;

/// The most blocks of a lane that a thread keeps.
const MOST_KEPT: usize = 2048;

/// Stands for a capacity that the pool chooses itself.
const AUTO: usize = usize::MAX;

/// The least number of empty slabs that is kept then, and bytes of them.
const KEPT: usize = 4;
const KEPT_BYTES: usize = 4 << 20;

/// The settings of a disjoint pool. They are only read by themselves, so each may change
/// at any time.
#[derive(Debug)]
pub(super) struct Settings {
    /// One less than what all blocks are multiples of.
    mask: AtomicUsize,
    /// Up to this many bytes the lane stands in a table.
    small: AtomicUsize,
    max_poolable: AtomicUsize,
    slab_min: AtomicUsize,
    capacity: AtomicUsize,
    thread_cache: AtomicUsize,
    trace: AtomicU64,
    /// What slabs are aligned to, for sure.
    pub(super) slab_align: usize,
}

fn load(setting: &AtomicUsize) -> usize {
    setting.load(Ordering::Relaxed)
}

fn bad(setting: &'static str, value: usize, why: String) -> PoolError {
    PoolError::BadSetting { setting, value: value.to_string(), why }
}

impl Settings {
    pub(super) fn new(options: &DisjointOptions, memory: &Tracked) -> Result<Self, PoolError> {
        let settings = Self {
            mask: AtomicUsize::new(0),
            small: AtomicUsize::new(0),
            max_poolable: AtomicUsize::new(0),
            slab_min: AtomicUsize::new(0),
            capacity: AtomicUsize::new(options.capacity.unwrap_or(AUTO)),
            thread_cache: AtomicUsize::new(options.thread_cache),
            trace: AtomicU64::new(options.trace),
            slab_align: memory.min_page_size(),
        };
        let line = || memory.cache_line().next_power_of_two().max(lane::GRAIN);
        let bucket = || if memory.touchable() { lane::GRAIN } else { line() };
        settings.set_slab_min(options.slab_min_size)?;
        settings.set_max_poolable(options.max_poolable_size)?;
        settings.set_min_bucket(options.min_bucket_size.unwrap_or_else(bucket))?;
        Ok(settings)
    }

    /// The lane of blocks with this layout; 0 if they are to be spans of their own.
    #[inline(always)]
    pub(super) fn lane(&self, layout: Layout) -> usize {
        let mask = load(&self.mask) | (layout.align() - 1);
        // A layout's size has room for its alignment, and the pool's own is a page at most.
        let size = layout.size().max(1).wrapping_add(mask) & !mask;
        if size <= load(&self.small) { lane::of_small(size) } else { self.large(size, mask) }
    }

    #[inline]
    fn large(&self, size: usize, mask: usize) -> usize {
        let is_pooled = size <= load(&self.max_poolable) && mask < self.slab_align;
        if is_pooled { lane::of(size) } else { 0 }
    }

    /// How many bytes a slab of blocks of `size` bytes has.
    pub(super) fn slab(&self, size: usize) -> usize {
        let least = self.slab_min();
        // Of small blocks the rest of a slab does not matter.
        if size <= least / 8 { least } else { size * least.div_ceil(size) }
    }

    /// How many empty slabs of a lane are kept where there are so many in use.
    pub(super) fn keep(&self, lane: usize, in_use: usize) -> usize {
        let few = || (KEPT_BYTES / self.slab(lane::size(lane))).max(KEPT);
        self.capacity().unwrap_or_else(|| few() + in_use / 8)
    }

    /// How many blocks of a lane a thread keeps.
    pub(super) fn room(&self, lane: usize) -> usize {
        let fit = self.thread_cache() / lane::size(lane).max(1);
        fit.clamp(1, MOST_KEPT)
    }

    pub(super) fn slab_min(&self) -> usize {
        load(&self.slab_min)
    }

    pub(super) fn set_slab_min(&self, bytes: usize) -> Result<(), PoolError> {
        if bytes == 0 || bytes > lane::LARGEST {
            let why = format!("slabs have 1 to {} bytes", lane::LARGEST);
            return Err(bad("slab_min_size", bytes, why));
        }
        self.slab_min.store(bytes, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn max_poolable(&self) -> usize {
        load(&self.max_poolable)
    }

    pub(super) fn set_max_poolable(&self, bytes: usize) -> Result<(), PoolError> {
        if bytes > lane::LARGEST {
            let why = format!("blocks of more than {} bytes are never pooled", lane::LARGEST);
            return Err(bad("max_poolable_size", bytes, why));
        }
        self.max_poolable.store(bytes, Ordering::Relaxed);
        // A small size is rounded to the grain at least, so none is between.
        self.small.store(bytes.min(lane::SMALL), Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn min_bucket(&self) -> usize {
        load(&self.mask) + 1
    }

    pub(super) fn set_min_bucket(&self, bytes: usize) -> Result<(), PoolError> {
        let range = lane::GRAIN..=self.slab_align;
        if !bytes.is_power_of_two() || !range.contains(&bytes) {
            let why = format!(
                "use a power of two from {} to {}, the provider's page",
                lane::GRAIN,
                self.slab_align
            );
            return Err(bad("min_bucket_size", bytes, why));
        }
        self.mask.store(bytes - 1, Ordering::Relaxed);
        Ok(())
    }

    /// How many empty slabs of each lane are kept; `None` if the pool chooses.
    pub(super) fn capacity(&self) -> Option<usize> {
        Some(load(&self.capacity)).filter(|slabs| *slabs != AUTO)
    }

    pub(super) fn set_capacity(&self, slabs: Option<usize>) {
        self.capacity.store(slabs.unwrap_or(AUTO), Ordering::Relaxed);
    }

    pub(super) fn thread_cache(&self) -> usize {
        load(&self.thread_cache)
    }

    pub(super) fn trace(&self) -> u64 {
        self.trace.load(Ordering::Relaxed)
    }

    pub(super) fn set_trace(&self, level: u64) {
        self.trace.store(level, Ordering::Relaxed);
    }
}
