//! Pages that are compared with what they were.
//!
//! # Invariants
//!
//! - A page whose bit is in `kept` has a twin: a block with the bytes that it had when it was
//!   last clean. Its home is written before the bit is set, and read only while it is.
//! - Bits and home of a page are used by whoever has it pinned for writing, or frees it.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ops::Range;

use super::WriteTracker;
use crate::memory::{Block, HostAddressable, MemoryError, Place, transfer};
use crate::region::atomic_bits::AtomicBits;
use crate::region::rows::{Reserved, Row, block_of};
use crate::region::{Geometry, Pages, Region, RegionError, Run};

/// Tracks writes by a twin of each page that is written, to which it is compared.
///
/// It tells which bytes of a page have changed, so that several regions may write a page
/// at once, different bytes of it, and be [merged](crate::region::merge).
///
/// A twin takes the bytes of a page until the changes are taken or copied over; tables take
/// the bytes of an address for each page.
pub struct TwinTracker<H: HostAddressable> {
    geometry: Geometry,
    kept: Row<AtomicBits>,
    changed: Row<AtomicBits>,
    twins: Row<Home<H>>,
    tables: Block<H>,
}

type Home<H> = UnsafeCell<MaybeUninit<<H as crate::memory::Memory>::Address>>;

// SAFETY: it owns its tables and twins; bits are atomic, and homes are used by one thread at a
// time, by the invariants.
unsafe impl<H: HostAddressable> Send for TwinTracker<H> {}
// SAFETY: as for `Send`.
unsafe impl<H: HostAddressable> Sync for TwinTracker<H> {}

/// Bytes that are compared at a time, of a page that the processor cannot use.
const PART: usize = 512;

impl<H: HostAddressable> TwinTracker<H> {
    /// A tracker for a region of that geometry, whose twins and tables are in `memory`.
    ///
    /// # Errors
    ///
    /// What `memory` says.
    pub fn new(geometry: Geometry, memory: H) -> Result<Self, MemoryError> {
        let mut layout = Layout::new::<()>();
        let groups = geometry.pages().div_ceil(64);
        let kept = Reserved::new(&mut layout, groups)?;
        let changed = Reserved::new(&mut layout, groups)?;
        let twins = Reserved::new(&mut layout, geometry.pages())?;
        let (tables, base) = block_of(layout, memory)?;
        // SAFETY: that block has just been made, of the rows' layout, and is freed with them.
        let (kept, changed, twins) = unsafe { (kept.at(base), changed.at(base), twins.at(base)) };
        Ok(Self { geometry, kept, changed, twins, tables })
    }

    fn layout(&self, page: usize) -> Layout {
        let size = self.geometry.bytes_of(Run { first: page, len: 1 }).len();
        // SAFETY: a page is in memory, so its size is in bounds, and 16 is a power of two.
        unsafe { Layout::from_size_align_unchecked(size, 16) }
    }

    fn is_kept(&self, page: usize) -> bool {
        let kept = self.kept.entries().get(page / 64).map_or(0, AtomicBits::load);
        kept >> (page % 64) & 1 != 0
    }

    /// Where the page's twin is.
    ///
    /// # Safety
    ///
    /// It has one, and nobody takes it away meanwhile.
    unsafe fn twin(&self, page: usize) -> H::Address {
        // SAFETY: by the invariants.
        unsafe { (*self.twins.entries()[page].get()).assume_init() }
    }

    /// Makes a twin of a page that has none.
    fn keep(&self, region: &dyn Region, page: usize) -> Result<(), RegionError> {
        let layout = self.layout(page);
        let memory = self.tables.memory();
        let from = region.place(Run { first: page, len: 1 })?;
        let twin = memory.allocate(layout)?;
        let to = Place::new(memory, twin, layout.size());
        // SAFETY: the page is pinned and has as many bytes, and the block is new.
        if let Err(error) = unsafe { transfer(to, from, layout.size()) } {
            // SAFETY: it was allocated above, so.
            unsafe { memory.free(twin, layout) };
            return Err(error.into());
        }
        // SAFETY: the page has no twin, and is this thread's.
        unsafe { (*self.twins.entries()[page].get()).write(twin) };
        self.kept.entries()[page / 64].set(1 << (page % 64));
        Ok(())
    }

    /// Whether a page differs from its twin, as far as can be told.
    fn differs(&self, region: &dyn Region, page: usize) -> bool {
        let mut differs = false;
        let compared = self.changes(region, page, &mut |_| {
            differs = true;
            Ok(())
        });
        differs || compared.is_err()
    }

    /// Visits the bytes in which a page differs from its twin.
    fn compare(
        &self,
        region: &dyn Region,
        page: usize,
        visit: &mut dyn FnMut(Range<usize>) -> Result<(), RegionError>,
    ) -> Result<(), RegionError> {
        let place = region.place(Run { first: page, len: 1 })?;
        let len = self.layout(page).size();
        // SAFETY: it has one, by the caller, and the page is this thread's.
        let twin = self.tables.memory().host(unsafe { self.twin(page) });
        let twin = twin.ok_or(MemoryError::BadAddress)?;
        // SAFETY: a twin has the bytes of its page, and is not changed.
        let twin = unsafe { core::slice::from_raw_parts(twin.as_ptr(), len) };
        let mut differing = Differing { visit, since: None };
        for at in (0..len).step_by(PART) {
            let mut now = [0; PART];
            let was = &twin[at..len.min(at + PART)];
            let from = place.address.byte_add(at);
            // SAFETY: the page is pinned, and has these bytes; so has the array.
            unsafe { place.memory.copy_from(now.as_mut_ptr(), from, was.len())? };
            differing.part(at, was, &now)?;
        }
        differing.end(len)
    }
}

/// Finds runs of bytes that differ, a part at a time.
struct Differing<'v> {
    visit: &'v mut dyn FnMut(Range<usize>) -> Result<(), RegionError>,
    /// Where the run has begun that goes on.
    since: Option<usize>,
}

impl Differing<'_> {
    fn part(&mut self, at: usize, was: &[u8], now: &[u8]) -> Result<(), RegionError> {
        if was == &now[..was.len()] {
            return self.end(at);
        }
        for (at, (was, now)) in (at..).zip(was.iter().zip(now)) {
            if was == now {
                self.end(at)?;
            } else {
                self.since.get_or_insert(at);
            }
        }
        Ok(())
    }

    fn end(&mut self, at: usize) -> Result<(), RegionError> {
        self.since.take().map_or(Ok(()), |since| (self.visit)(since..at))
    }
}

impl<H: HostAddressable> WriteTracker for TwinTracker<H> {
    fn begin(&self, region: &dyn Region, pages: &Pages) -> Result<(), RegionError> {
        if region.geometry() != self.geometry {
            let (source, destination) = (region.geometry(), self.geometry);
            return Err(RegionError::Geometry { source, destination });
        }
        for run in pages.runs() {
            for page in run.first..run.first + run.len {
                if !self.is_kept(page) {
                    self.keep(region, page)?;
                }
            }
        }
        Ok(())
    }

    fn end(&self, region: &dyn Region, pages: &Pages) {
        for (group, bits) in pages.groups() {
            // What was dirty before counts as written: it may be as it was once, but not as
            // it was before.
            let dirty = bits & region.pages().dirty(group);
            let differs = |at: &usize| self.differs(region, group * 64 + at);
            let clean = (0..64).filter(|at| (bits & !dirty) >> at & 1 != 0);
            let written = clean.filter(differs).fold(dirty, |all, at| all | 1 << at);
            self.forget(group, bits & !written);
            self.changed.entries()[group].clear(bits & !written);
            self.changed.entries()[group].set(written);
        }
    }

    fn written(&self, group: usize, pages: u64) -> u64 {
        self.changed.entries().get(group).map_or(pages, |changed| pages & changed.load())
    }

    fn changes(
        &self,
        region: &dyn Region,
        page: usize,
        visit: &mut dyn FnMut(Range<usize>) -> Result<(), RegionError>,
    ) -> Result<(), RegionError> {
        if self.is_kept(page) {
            return self.compare(region, page, visit);
        }
        // It was written past the accessors.
        visit(0..self.layout(page).size())
    }

    fn forget(&self, group: usize, pages: u64) {
        let Some(kept) = self.kept.entries().get(group) else { return };
        let gone = pages & kept.load();
        for page in (0..64).filter(|at| gone >> at & 1 != 0).map(|at| group * 64 + at) {
            // SAFETY: it has a twin, and the page is this thread's.
            let twin = unsafe { self.twin(page) };
            // SAFETY: `keep` allocated it so, and nothing uses it any more.
            unsafe { self.tables.memory().free(twin, self.layout(page)) };
        }
        kept.clear(gone);
    }
}

impl<H: HostAddressable> Drop for TwinTracker<H> {
    fn drop(&mut self) {
        (0..self.kept.entries().len()).for_each(|group| self.forget(group, !0));
    }
}

impl<H: HostAddressable> core::fmt::Debug for TwinTracker<H> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.kept.entries().iter().map(AtomicBits::load)).finish()
    }
}
