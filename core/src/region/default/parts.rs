//! What a region does with its pages, a group of 64 at a time.
//!
//! # Invariants
//!
//! - A page whose bit is in `allocated` has memory, or is being freed.
//! - Bits and stamps of a page are changed by whoever has it pinned for writing, or provides
//!   or takes away its memory. They say afterwards that the group has changed.

use core::sync::atomic::Ordering;

use super::DefaultRegion;
use crate::memory::{HostAddressable, Memory};
use crate::region::frames::Frames;
use crate::region::table::Group;
use crate::region::{Missing, Outcome, Pages, RegionError, Run, Stamp, WriteTracker};
use crate::sync::{PageGroup, SpinLock, Taken, Unavailable};

/// A group of pages, and which of them are meant.
pub(super) struct Part<'r> {
    pub(super) index: usize,
    pub(super) group: &'r Group,
    pub(super) pages: PageGroup<'r>,
    pub(super) bits: u64,
}

/// What keeps a region from a step with a group of pages.
pub(super) enum Hindrance {
    Unavailable(Unavailable),
    Failed(RegionError),
}

impl From<Unavailable> for Hindrance {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> DefaultRegion<M, H, W> {
    pub(super) fn parts<'r>(&'r self, pages: &'r Pages) -> impl Iterator<Item = Part<'r>> {
        pages.groups().map_while(|(index, bits)| self.part(index, bits))
    }

    #[inline]
    pub(super) fn part(&self, index: usize, bits: u64) -> Option<Part<'_>> {
        let pages = self.table.pages(index, self.settings.pause)?;
        Some(Part { index, group: &self.table.groups()[index], pages, bits })
    }

    #[inline]
    pub(super) fn frames(&self) -> Frames<'_, M> {
        Frames {
            memory: &self.memory,
            geometry: self.settings.geometry,
            shift: self.shift,
            lock: SpinLock::new(&self.chunks, self.settings.pause),
            homes: self.table.homes(),
            counts: self.table.counts(),
        }
    }

    /// Where the pages of `run` are, and how many bytes follow one another there.
    ///
    /// # Safety
    ///
    /// There is memory for the first of them as long as this runs.
    #[inline]
    pub(in crate::region) unsafe fn find(&self, run: Run) -> (M::Address, usize) {
        // SAFETY: passed on from the caller.
        unsafe { self.frames().find(run) }
    }

    pub(in crate::region) fn pin_to_read(
        &self,
        pages: &Pages,
        taken: Taken,
    ) -> Result<(), RegionError> {
        let begin = |part: &Part<'_>| Ok(part.pages.begin_read(part.bits, taken)?);
        self.all_or_none(pages, begin, |part| self.end_read_part(part))
    }

    pub(in crate::region) fn pin_to_write(
        &self,
        pages: &Pages,
        taken: Taken,
    ) -> Result<(), RegionError> {
        let begin = |part: &Part<'_>| Ok(part.pages.begin_write(part.bits, taken)?);
        self.all_or_none(pages, begin, |part| self.end_write_part(part))
    }

    /// Takes a step with each group, or takes back those that were taken.
    pub(super) fn all_or_none(
        &self,
        pages: &Pages,
        step: impl Fn(&Part<'_>) -> Result<(), Hindrance>,
        back: impl Fn(&Part<'_>),
    ) -> Result<(), RegionError> {
        for part in self.parts(pages) {
            if let Err(hindrance) = step(&part) {
                let done = |before: &Part<'_>| before.index < part.index;
                self.parts(pages).take_while(done).for_each(|part| back(&part));
                return Err(self.explain(&hindrance, &part, pages));
            }
        }
        Ok(())
    }

    #[cold]
    fn explain(&self, hindrance: &Hindrance, part: &Part<'_>, pages: &Pages) -> RegionError {
        let first = |bits: u64| part.index * 64 + bits.trailing_zeros() as usize;
        match *hindrance {
            Hindrance::Unavailable(Unavailable::Missing(bits)) => {
                let missing = |part: Part<'_>| part.bits & !part.group.allocated.load();
                let count: u32 = self.parts(pages).map(|part| missing(part).count_ones()).sum();
                RegionError::Unallocated {
                    region: self.settings.id,
                    first: first(bits),
                    pages: count.max(bits.count_ones()) as usize,
                }
            }
            Hindrance::Unavailable(Unavailable::Taken(bits)) => {
                RegionError::Busy { page: first(bits) }
            }
            Hindrance::Failed(error) => error,
        }
    }

    pub(super) fn keep_part(&self, part: &Part<'_>, missing: Missing) -> Result<(), Hindrance> {
        let fresh = part.pages.keep(part.bits, missing)?;
        if fresh == 0 {
            return Ok(());
        }
        if let Err(error) = self.frames().provide(part.index, fresh) {
            part.pages.vacate(fresh);
            self.free(part, part.pages.release(part.bits & !fresh));
            return Err(Hindrance::Failed(error.into()));
        }
        part.pages.ready(fresh);
        // Nobody can free them yet, for they are kept.
        part.group.allocated.set(fresh);
        part.group.changed();
        Ok(())
    }

    pub(super) fn release_part(&self, part: &Part<'_>) {
        self.free(part, part.pages.release(part.bits));
    }

    pub(super) fn end_read_part(&self, part: &Part<'_>) {
        self.free(part, part.pages.end_read(part.bits));
    }

    pub(super) fn end_write_part(&self, part: &Part<'_>) {
        self.free(part, part.pages.end_write(part.bits));
    }

    /// Frees pages of a group that nobody uses any more.
    #[inline]
    fn free(&self, part: &Part<'_>, last: u64) {
        if last != 0 {
            self.take_away(part, last);
        }
    }

    #[cold]
    fn take_away(&self, part: &Part<'_>, last: u64) {
        self.invalidate(part, last);
        part.group.allocated.clear(last);
        part.group.changed();
        self.frames().withdraw(part.index, last);
        part.pages.vacate(last);
    }

    /// Makes pages hold nothing.
    fn invalidate(&self, part: &Part<'_>, pages: u64) {
        part.group.dirty.clear(pages);
        part.group.valid.clear(pages);
        self.stamp_all(part.index, pages, |_| Stamp::default());
        self.tracker.forget(part.index, pages);
    }

    /// Gives each of the pages the stamp that it has by its place in the group.
    #[inline]
    fn stamp_all(&self, group: usize, pages: u64, of: impl Fn(usize) -> Stamp) {
        let stamps = self.table.stamps(group);
        if pages == u64::MAX {
            return stamps.iter().enumerate().for_each(|(at, stamp)| stamp.store(of(at)));
        }
        let mut left = pages;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            if let Some(stamp) = stamps.get(at) {
                stamp.store(of(at));
            }
            left &= left - 1;
        }
    }

    /// Ends writing through an accessor: pages count as written where the tracker says so.
    pub(in crate::region) fn end_tracked(&self, pages: &Pages) {
        self.tracker.end(self, pages);
        let now = self.stamp_now();
        for mut part in self.parts(pages) {
            let pinned = part.bits;
            part.bits &= self.tracker.written(part.index, pinned);
            self.settle(&part, Outcome::Written, now);
            part.bits = pinned;
            self.end_write_part(&part);
        }
    }

    /// Writes down what became of pages that are pinned for writing; `now` is their stamp if
    /// they were written.
    pub(super) fn settle(&self, part: &Part<'_>, outcome: Outcome<'_>, now: Stamp) {
        let Part { index, group, bits, .. } = *part;
        if bits == 0 {
            return;
        }
        match outcome {
            Outcome::Unchanged => return,
            Outcome::Written => {
                self.stamp_all(index, bits, |_| now);
                group.valid.set(bits);
                group.dirty.set(bits);
            }
            Outcome::Copied(from) => {
                match from.stamps(index) {
                    Some(from) => self.stamp_all(index, bits, |at| from[at].load()),
                    None => self.stamp_all(index, bits, |at| from.stamp(index * 64 + at)),
                }
                group.valid.set(bits);
                group.dirty.clear(bits);
                self.tracker.forget(index, bits);
            }
            Outcome::Failed => self.invalidate(part, bits),
        }
        group.changed();
    }

    /// Takes dirty pages of a group for clean; which they were.
    pub(super) fn take_dirty_part(&self, mut part: Part<'_>) -> u64 {
        part.bits &= part.group.dirty.load();
        while let Err(unavailable) = part.pages.begin_write(part.bits, Taken::Wait) {
            let (Unavailable::Missing(gone) | Unavailable::Taken(gone)) = unavailable;
            part.bits &= !gone;
        }
        let dirty = self.forget_part(&part);
        self.end_write_part(&part);
        dirty
    }

    /// Takes pages that are pinned for writing for clean; which were dirty.
    fn forget_part(&self, part: &Part<'_>) -> u64 {
        let dirty = part.bits & part.group.dirty.load();
        if dirty != 0 {
            part.group.dirty.clear(dirty);
            self.tracker.forget(part.index, dirty);
            part.group.changed();
        }
        dirty
    }

    /// Takes pages that are pinned for writing for clean.
    pub(in crate::region) fn forget_changes(&self, pages: &Pages) {
        for part in self.parts(pages) {
            self.forget_part(&part);
        }
    }

    /// A stamp that no page has had.
    pub(super) fn stamp_now(&self) -> Stamp {
        let number = self.clock.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        Stamp { origin: self.settings.id.number(), number }
    }
}
