//! Copies of pages in one block.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::slice;

use crate::memory::{Block, HostAddressable, MemoryError, Place};
use crate::region::{Geometry, PageSet, Pages, Region, RegionError, Run, places};

/// The block, as soon as it was needed once.
pub(super) struct Gathered<H: HostAddressable + Clone> {
    memory: H,
    block: Option<Block<H>>,
    /// Pages whose copies have been changed.
    changed: PageSet<H>,
}

impl<H: HostAddressable + Clone> Gathered<H> {
    pub(super) fn new(geometry: Geometry, memory: H) -> Result<Self, RegionError> {
        let changed = PageSet::empty(geometry, memory.clone())?;
        Ok(Self { memory, block: None, changed })
    }

    /// Copies the pages of a run, which are pinned; where they are.
    pub(super) fn fetch(
        &mut self,
        region: &dyn Region,
        run: Run,
    ) -> Result<NonNull<u8>, RegionError> {
        let start = self.block(region.geometry().bytes_of(run).len())?;
        for_each_copy(region, run, start, |_, place, copy| {
            // SAFETY: the place is pinned, and the block has room for all of the run.
            unsafe { place.memory.post_copy_from(copy.as_ptr(), place.address, place.len) }
        })?;
        region.flush()?;
        Ok(start)
    }

    /// Copies back what has been changed of a run that is pinned for writing; the pages that
    /// were, also if that fails.
    pub(super) fn write_back(
        &mut self,
        region: &dyn Region,
        run: Run,
    ) -> (Result<(), RegionError>, &mut Pages) {
        let result = self.send(region, run);
        (result, &mut self.changed)
    }

    fn send(&mut self, region: &dyn Region, run: Run) -> Result<(), RegionError> {
        let start = self.block(region.geometry().bytes_of(run).len())?;
        self.changed.clear();
        let changed = &mut self.changed;
        for_each_copy(region, run, start, |pages, place, copy| {
            // SAFETY: the copy was initialised by `fetch`, which nobody writes any more; the
            // place is pinned for writing.
            unsafe { send_changed(region, pages, place, copy, changed) }
        })?;
        region.flush()
    }

    /// The block, which has `len` bytes, always as many.
    fn block(&mut self, len: usize) -> Result<NonNull<u8>, MemoryError> {
        if self.block.is_none() {
            let layout = Layout::from_size_align(len, align_of::<u128>())
                .map_err(|_| MemoryError::OutOfMemory { requested: len })?;
            self.block = Some(Block::allocate(self.memory.clone(), layout)?);
        }
        let block = self.block.as_ref();
        block.and_then(|it| it.memory().host(it.address())).ok_or(MemoryError::Unsupported)
    }
}

/// Calls `copy` with the places of a run, and where in a block from `start` on their copies
/// are.
fn for_each_copy<'r>(
    region: &'r dyn Region,
    run: Run,
    start: NonNull<u8>,
    mut copy: impl FnMut(Run, Place<'r>, NonNull<u8>) -> Result<(), MemoryError>,
) -> Result<(), RegionError> {
    let page_size = region.geometry().page_size();
    for found in places(region, run) {
        let (pages, place) = found?;
        let before = (pages.first - run.first) * page_size;
        // SAFETY: the block has room for all of the run.
        copy(pages, place, unsafe { start.add(before) })?;
    }
    Ok(())
}

/// Copies pages back: those that differ, where that can be seen, and those that held nothing.
///
/// # Safety
///
/// The place is that of the pages, pinned for writing, and as many bytes are initialised at
/// `copy`; nobody writes either meanwhile.
unsafe fn send_changed(
    region: &dyn Region,
    pages: Run,
    place: Place<'_>,
    copy: NonNull<u8>,
    changed: &mut Pages,
) -> Result<(), MemoryError> {
    let host = place.memory.host(place.address);
    let page_size = region.geometry().page_size();
    for (index, at) in (0..place.len).step_by(page_size).enumerate() {
        let (page, len) = (pages.first + index, page_size.min(place.len - at));
        let valid = region.pages().valid(page / 64) >> (page % 64) & 1 != 0;
        // SAFETY: within the bytes that the caller vouches for; valid ones are initialised.
        let bytes =
            |start: NonNull<u8>| unsafe { slice::from_raw_parts(start.add(at).as_ptr(), len) };
        if valid && host.is_some_and(|host| bytes(host) == bytes(copy)) {
            continue;
        }
        changed.insert(page);
        // SAFETY: within the bytes that the caller vouches for.
        let from = unsafe { copy.add(at) }.as_ptr();
        // SAFETY: the same.
        unsafe { place.memory.post_copy_to(place.address.byte_add(at), from, len)? };
    }
    Ok(())
}
