//! What the region is to others.

use super::DefaultRegion;
use super::parts::Part;
use crate::memory::{HostAddressable, Memory, Place};
use crate::region::table::Group;
use crate::region::{
    AtomicStamp, Geometry, Memo, Missing, Outcome, PageArray, Pages, Region, RegionError, RegionId,
    Run, Stamp, WriteTracker,
};
use crate::sync::Taken;

// SAFETY: pages are pinned by `PageGroup`, which keeps others from them; those that have
// memory are in a block that is freed when nobody keeps or pins them any more.
unsafe impl<M: Memory, H: HostAddressable, W: WriteTracker> Region for DefaultRegion<M, H, W> {
    fn id(&self) -> RegionId {
        self.settings.id
    }

    fn geometry(&self) -> Geometry {
        self.settings.geometry
    }

    fn pages(&self) -> &dyn PageArray {
        self
    }

    fn keep(&self, pages: &Pages, missing: Missing) -> Result<(), RegionError> {
        let keep = |part: &Part<'_>| self.keep_part(part, missing);
        self.all_or_none(pages, keep, |part| self.release_part(part))
    }

    unsafe fn release(&self, pages: &Pages) {
        self.parts(pages).for_each(|part| self.release_part(&part));
    }

    fn memo(&self, group: usize) -> Option<&Memo> {
        Some(&self.table.groups().get(group)?.memo)
    }

    fn begin_read(&self, pages: &Pages) -> Result<(), RegionError> {
        self.pin_to_read(pages, Taken::Wait)
    }

    unsafe fn end_read(&self, pages: &Pages) {
        self.parts(pages).for_each(|part| self.end_read_part(&part));
    }

    fn begin_write(&self, pages: &Pages) -> Result<(), RegionError> {
        self.pin_to_write(pages, Taken::Wait)
    }

    unsafe fn end_write(&self, pages: &Pages, outcome: Outcome<'_>) {
        let now = match outcome {
            Outcome::Written => self.stamp_now(),
            _ => Stamp::default(),
        };
        for part in self.parts(pages) {
            self.settle(&part, outcome, now);
            self.end_write_part(&part);
        }
    }

    fn place(&self, run: Run) -> Result<Place<'_>, RegionError> {
        let (group, page) = (run.first / 64, run.first % 64);
        let pages = self.table.pages(group, self.settings.pause);
        // SAFETY: there is memory for the first page, and stays while it is looked for.
        let find = || unsafe { self.find(run) };
        match pages.and_then(|pages| pages.while_ready(page, find)) {
            Some((address, len)) => Ok(Place::new(&self.memory, address, len)),
            None => Err(RegionError::Unallocated {
                region: self.settings.id,
                first: run.first,
                pages: 1,
            }),
        }
    }

    unsafe fn pinned_place(&self, run: Run) -> Result<Place<'_>, RegionError> {
        if run.first >= self.settings.geometry.pages() {
            return self.place(run);
        }
        // SAFETY: the page is pinned, and so has memory.
        let (address, len) = unsafe { self.find(run) };
        Ok(Place::new(&self.memory, address, len))
    }

    fn flush(&self) -> Result<(), RegionError> {
        Ok(self.memory.flush()?)
    }

    fn failures(&self) -> u32 {
        self.memory.failures()
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> PageArray for DefaultRegion<M, H, W> {
    fn geometry(&self) -> Geometry {
        self.settings.geometry
    }

    fn allocated(&self, group: usize) -> u64 {
        self.table.groups().get(group).map_or(0, |group| group.allocated.load())
    }

    fn valid(&self, group: usize) -> u64 {
        self.table.groups().get(group).map_or(0, |group| group.valid.load())
    }

    fn dirty(&self, group: usize) -> u64 {
        self.table.groups().get(group).map_or(0, |group| group.dirty.load())
    }

    fn changes(&self, group: usize) -> u32 {
        self.table.groups().get(group).map_or(0, Group::changes)
    }

    fn stamp(&self, page: usize) -> Stamp {
        self.table.stamps(page / 64).get(page % 64).map_or(Stamp::default(), AtomicStamp::load)
    }

    fn stamps(&self, group: usize) -> Option<&[AtomicStamp]> {
        Some(self.table.stamps(group))
    }

    fn owner(&self, _page: usize) -> RegionId {
        self.settings.id
    }
}
