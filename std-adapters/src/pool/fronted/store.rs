//! A library's heap, as the caches see it.

use core::alloc::Layout;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::Library;
use crate::pool::cache::{LANES, Lanes};
use crate::pool::tally::Tally;
use crate::pool::{PoolError, Tracked};
use crate::provider::Span;
use crate::thread::fork;

/// Bytes of what has one lane in the map.
const PAGE: usize = 4096;

/// A library's heap, as the caches see it.
pub(super) struct Store<L> {
    library: L,
    /// Blocks that were taken out, to each lane.
    taken: [AtomicUsize; LANES],
    /// Blocks of no lane.
    direct: Tally,
    /// Bytes of a lane that a thread keeps, if these are not too few blocks.
    kept: usize,
}

impl<L: Library> Store<L> {
    pub(super) fn new(library: L, kept: usize) -> Self {
        let taken = [const { AtomicUsize::new(0) }; LANES];
        Self { library, taken, direct: Tally::new(), kept }
    }

    pub(super) fn library(&self) -> &L {
        &self.library
    }

    /// Bytes and number of the live blocks of no lane.
    pub(super) fn direct(&self) -> (usize, usize) {
        self.direct.sums()
    }

    /// How many blocks of a lane the library has handed out.
    pub(super) fn taken(&self, lane: usize) -> usize {
        self.taken[lane % LANES].load(Ordering::Relaxed)
    }

    pub(super) fn memory(&self) -> &Tracked {
        self.library.feed().memory()
    }

    /// Has the map name a lane for the page that a block begins in; whether it does.
    fn note(&self, block: NonNull<u8>, lane: usize) -> bool {
        let is_noted = || self.memory().entry(block).is_some_and(|entry| entry.lane() == lane);
        if is_noted() {
            return true;
        }
        let page = block.map_addr(|at| {
            // A block is in no page that begins at 0.
            NonZeroUsize::new(at.get() & !(PAGE - 1)).unwrap_or(at)
        });
        self.memory().note(Span::new(page, PAGE), lane);
        is_noted()
    }

    /// Takes a block of a lane.
    pub(super) fn take_one(&self, lane: usize) -> Result<NonNull<u8>, PoolError> {
        let mut block = [core::ptr::null_mut()];
        self.take(lane, &mut block)?;
        NonNull::new(block[0]).ok_or(PoolError::TooLarge { requested: L::SIZES.size(lane) })
    }

    pub(super) fn allocate_direct(
        &self,
        layout: Layout,
        zeroed: bool,
    ) -> Result<NonNull<u8>, PoolError> {
        let _hold = fork::hold();
        let (size, align) = (layout.size().max(1), layout.align());
        // Where a slab begins nothing else may: see the module.
        let size = if align > L::SIZES.grain() { size.max(L::SIZES.above_slabs()) } else { size };
        let block = match zeroed {
            true => self.library.allocate_zeroed(size, align),
            false => self.library.allocate(size, align),
        };
        self.counted(block, layout.size())
    }

    fn counted(
        &self,
        block: Option<NonNull<u8>>,
        requested: usize,
    ) -> Result<NonNull<u8>, PoolError> {
        let block = block.ok_or_else(|| self.library.feed().why(requested))?;
        // Only where there is an entry with another lane, there is a place for this one.
        self.note(block, 0);
        // SAFETY: the block is live.
        self.direct.add(unsafe { self.library.size_of(block) });
        Ok(block)
    }

    /// # Safety
    ///
    /// As for [`Library::free`].
    pub(super) unsafe fn free_direct(&self, block: NonNull<u8>) -> bool {
        let _hold = fork::hold();
        // SAFETY: passed on from the caller.
        let size = unsafe { self.library.size_of(block) };
        // SAFETY: as above.
        let is_freed = unsafe { self.library.free(block) };
        if is_freed {
            self.direct.sub(size);
        }
        is_freed
    }

    /// # Safety
    ///
    /// As for [`Library::resize`].
    pub(super) unsafe fn resize(
        &self,
        block: NonNull<u8>,
        size: usize,
    ) -> Result<NonNull<u8>, PoolError> {
        let _hold = fork::hold();
        // SAFETY: passed on from the caller.
        let had = unsafe { self.library.size_of(block) };
        // SAFETY: as above.
        let moved = unsafe { self.library.resize(block, size.max(1)) };
        let moved = self.counted(moved, size)?;
        self.direct.sub(had);
        Ok(moved)
    }
}

// SAFETY: blocks are the library's, which keeps the contract; what was put back is not
// handed out again by anything but the library.
unsafe impl<L: Library> Lanes for Store<L> {
    fn lane(&self, size: usize) -> usize {
        L::SIZES.lane_of_size(size)
    }

    fn room(&self, lane: usize) -> usize {
        (self.kept / L::SIZES.size(lane).max(1)).clamp(2, 2048)
    }

    fn take(&self, lane: usize, to: &mut [*mut u8]) -> Result<usize, PoolError> {
        let _hold = fork::hold();
        let size = L::SIZES.size(lane);
        let mut count = 0;
        for place in to {
            let Some(block) = self.library.allocate(size, L::SIZES.grain()) else { break };
            if !self.note(block, lane) {
                // SAFETY: the block is new, and nobody has heard of it.
                unsafe { self.library.free(block) };
                break;
            }
            *place = block.as_ptr();
            count += 1;
        }
        if count == 0 {
            return Err(self.library.feed().why(size));
        }
        self.taken[lane % LANES].fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }

    unsafe fn put(&self, lane: usize, blocks: &[NonNull<u8>]) -> usize {
        let _hold = fork::hold();
        // SAFETY: passed on from the caller.
        let refused = blocks.iter().filter(|block| unsafe { !self.library.free(**block) }).count();
        self.taken[lane % LANES].fetch_sub(blocks.len() - refused, Ordering::Relaxed);
        refused
    }
}
