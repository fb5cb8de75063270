//! A global allocator that gets its memory at run time.

use core::alloc::{GlobalAlloc, Layout};
use core::fmt;
use core::ptr::{self, NonNull};

use lock_api::{Mutex, RawMutex};

use super::Spin;
use super::resize::reallocate;
use crate::allocator::Broken;
use crate::tiny::{TinyHeap, TinyStats, TooSmall};

/// Heaps in up to `REGIONS` regions, which are added one by one.
///
/// A region that begins where a former one ends becomes one with it: blocks may reach from
/// the one into the other, and it counts as none of its own. Add them in the order of their
/// addresses, then, for others stay apart even if they touch. A block is of the first region
/// that has room, in the order in which they were added. A call takes a fixed number of steps
/// for each region.
///
/// ```
/// use anymem_core::global::RegionAlloc;
/// use core::ptr::NonNull;
///
/// // #[global_allocator]
/// static HEAP: RegionAlloc = RegionAlloc::new();
///
/// // What the boot loader told.
/// let memory: &'static mut [u8] = Box::leak(vec![0; 64 << 10].into());
/// // SAFETY: the memory is there for ever, and nobody else uses it.
/// unsafe { HEAP.add(NonNull::from(memory))? };
/// assert!(HEAP.stats().capacity > 62 << 10);
/// # Ok::<(), anymem_core::global::AddError>(())
/// ```
pub struct RegionAlloc<L: RawMutex = Spin, const REGIONS: usize = 8> {
    heaps: Mutex<L, [TinyHeap; REGIONS]>,
}

/// Why a region was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddError {
    /// It is too small for a heap.
    TooSmall(TooSmall),
    /// There are as many as the allocator can have.
    TooMany {
        /// How many that is.
        regions: usize,
    },
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall(error) => error.fmt(f),
            Self::TooMany { regions } => {
                write!(f, "there are {regions} regions already: raise the parameter `REGIONS`")
            }
        }
    }
}

impl core::error::Error for AddError {}

impl<L: RawMutex, const REGIONS: usize> RegionAlloc<L, REGIONS> {
    /// An allocator with no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { heaps: Mutex::from_raw(L::INIT, [const { TinyHeap::empty() }; REGIONS]) }
    }

    /// Adds memory, which may be anywhere; whatever was there is lost.
    ///
    /// # Errors
    ///
    /// The region is too small, or there are too many.
    ///
    /// # Safety
    ///
    /// `memory` is valid for reads and writes as long as this allocator or a block of it is
    /// used, and nobody else uses it. If it begins where a former region ends, both are parts
    /// of one object, or of memory in which this program has none, as a boot loader tells of
    /// it. (Of two statics, which may be neighbours by chance, leave the first 8 bytes out.)
    pub unsafe fn add(&self, memory: NonNull<[u8]>) -> Result<(), AddError> {
        let mut heaps = self.heaps.lock();
        // SAFETY: passed on from the caller.
        if heaps.iter_mut().any(|heap| unsafe { heap.join(memory) }) {
            return Ok(());
        }
        let free = heaps.iter_mut().find(|heap| heap.is_empty());
        let free = free.ok_or(AddError::TooMany { regions: REGIONS })?;
        // SAFETY: passed on from the caller.
        *free = unsafe { TinyHeap::new(memory) }.map_err(AddError::TooSmall)?;
        Ok(())
    }

    /// What all heaps hold together. The peak is the sum of theirs.
    #[must_use]
    pub fn stats(&self) -> TinyStats {
        let heaps = self.heaps.lock();
        heaps.iter().map(TinyHeap::stats).fold(TinyStats::default(), |sum, each| TinyStats {
            capacity: sum.capacity + each.capacity,
            used: sum.used + each.used,
            peak: sum.peak + each.peak,
            largest: sum.largest.max(each.largest),
        })
    }

    /// Walks all heaps; see [`TinyHeap::check`].
    ///
    /// # Errors
    ///
    /// The first rule that does not hold.
    pub fn check(&self) -> Result<(), Broken> {
        self.heaps.lock().iter().try_for_each(TinyHeap::check)
    }

    fn of<R>(&self, block: NonNull<u8>, f: impl FnOnce(&mut TinyHeap) -> R) -> Option<R> {
        self.heaps.lock().iter_mut().find(|heap| heap.owns(block)).map(f)
    }
}

impl<L: RawMutex, const REGIONS: usize> Default for RegionAlloc<L, REGIONS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<L: RawMutex, const REGIONS: usize> fmt::Debug for RegionAlloc<L, REGIONS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegionAlloc(up to {REGIONS} regions)")
    }
}

// SAFETY: the heaps hand out disjoint blocks of their regions, as large and as aligned as
// the layouts ask; the lock makes its calls exclusive.
unsafe impl<L: RawMutex, const REGIONS: usize> GlobalAlloc for RegionAlloc<L, REGIONS> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut heaps = self.heaps.lock();
        let block = heaps.iter_mut().find_map(|heap| heap.allocate(layout));
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some(block) = NonNull::new(block) else { return };
        // SAFETY: passed on from the caller.
        let _ = self.of(block, |heap| unsafe { heap.free(block, layout) });
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(at) = NonNull::new(block) else { return block };
        // SAFETY: passed on from the caller.
        let resized = self.of(at, |heap| unsafe { heap.resize(at, layout, new_size) });
        if resized == Some(true) {
            return block;
        }
        // SAFETY: passed on from the caller.
        unsafe { reallocate(self, at, layout, new_size) }
    }
}
