//! The region that owns its pages.
//!
//! # Invariants
//!
//! - A page whose bit is in `allocated` has memory, or is being freed.
//! - Bits and stamps of a page are changed by whoever has it pinned for writing, or provides
//!   or takes away its memory; its dirty bit also by whoever has it pinned for reading. They
//!   say afterwards that the group has changed.

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use super::anchor::{Anchor, ResourceLock};
use super::frames::Frames;
use super::table::{Group, Table};
use super::{
    Access, AtomicStamp, Blocks, Geometry, Memo, Missing, Outcome, PageArray, PageSet, Pages,
    Region, RegionError, RegionId, Run, Stamp, Untracked, WriteTracker,
};
use crate::memory::{HostAddressable, Memory, Place};
use crate::sync::{PageGroup, SpinLock, Taken, Unavailable};

/// What a [`DefaultRegion`] is to be like.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Which region it is.
    pub id: RegionId,
    /// Its bytes and pages.
    pub geometry: Geometry,
    /// How pages are put into blocks of memory.
    pub blocks: Blocks,
    /// What a thread does between two looks at a page that another one is using: where there
    /// is an operating system, `std::thread::yield_now`.
    pub pause: fn(),
}

impl Settings {
    /// All pages in one block; who waits spins.
    #[must_use]
    pub const fn new(id: RegionId, geometry: Geometry) -> Self {
        Self { id, geometry, blocks: Blocks::One, pause: core::hint::spin_loop }
    }
}

/// A region that owns its pages: in any memory `M`, with what it knows of them in a memory
/// `H` that the processor can use.
///
/// There is memory for a page as long as it is [anchored](Self::anchor),
/// [locked](Self::lock) or pinned. `W` finds out what is written through accessors.
///
/// It takes up to 21 bytes of `H` for a page, where each page is a block of its own, and 13
/// where all are one.
pub struct DefaultRegion<M: Memory, H: HostAddressable, W: WriteTracker = Untracked> {
    settings: Settings,
    shift: u32,
    memory: M,
    table: Table<M::Address, H>,
    tracker: W,
    /// Protects the counts of chunks.
    chunks: AtomicU32,
    /// The number of the stamp that was given last.
    clock: AtomicU32,
}

/// A group of pages, and which of them are meant.
struct Part<'r> {
    index: usize,
    group: &'r Group,
    pages: PageGroup<'r>,
    bits: u64,
}

impl<M: Memory, H: HostAddressable> DefaultRegion<M, H> {
    /// A region without any page; what is known of pages is in `tables`.
    ///
    /// # Errors
    ///
    /// What `tables` says.
    pub fn new(settings: Settings, memory: M, tables: H) -> Result<Self, RegionError> {
        Self::tracked(settings, memory, tables, Untracked)
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> DefaultRegion<M, H, W> {
    /// The same, with something that finds out what is written.
    ///
    /// # Errors
    ///
    /// What `tables` says.
    pub fn tracked(
        settings: Settings,
        memory: M,
        tables: H,
        tracker: W,
    ) -> Result<Self, RegionError> {
        let pages = settings.geometry.pages();
        let shift = settings.blocks.shift(pages);
        let table = Table::new(pages, pages.div_ceil(1 << shift), tables)?;
        let (chunks, clock) = (AtomicU32::new(0), AtomicU32::new(0));
        Ok(Self { settings, shift, memory, table, tracker, chunks, clock })
    }

    /// The memory that its pages are in.
    pub const fn memory(&self) -> &M {
        &self.memory
    }

    /// The memory that holds what it knows of them.
    pub fn tables(&self) -> &H {
        self.table.memory()
    }

    /// What finds out which pages are written.
    pub const fn tracker(&self) -> &W {
        &self.tracker
    }

    /// The pages that `access` means, as a set in the memory of its tables.
    ///
    /// # Errors
    ///
    /// As [`Access::pages`].
    pub fn select(&self, access: &Access<'_>) -> Result<PageSet<&H>, RegionError> {
        access.pages(self.settings.geometry, self.tables())
    }

    /// Keeps pages for as long as the anchor is there, with memory for those that have none
    /// yet.
    ///
    /// # Errors
    ///
    /// - [`Access`](RegionError::Access), if `access` means bytes that are not there.
    /// - [`Memory`](RegionError::Memory), if there is none for them; nothing has changed then.
    pub fn anchor(&self, access: &Access<'_>) -> Result<Anchor<&Self, &H>, RegionError> {
        Anchor::new(self, self.select(access)?)
    }

    /// Keeps pages that have memory now, even when nobody refers to them any more.
    ///
    /// # Errors
    ///
    /// - [`Access`](RegionError::Access), if `access` means bytes that are not there.
    /// - [`Unallocated`](RegionError::Unallocated), if pages have no memory.
    pub fn lock(&self, access: &Access<'_>) -> Result<ResourceLock<&Self, &H>, RegionError> {
        ResourceLock::new(self, self.select(access)?)
    }

    fn parts<'r>(&'r self, pages: &'r Pages) -> impl Iterator<Item = Part<'r>> {
        pages.groups().map_while(|(index, bits)| {
            let pages = self.table.pages(index, self.settings.pause)?;
            Some(Part { index, group: &self.table.groups()[index], pages, bits })
        })
    }

    fn frames(&self) -> Frames<'_, M> {
        Frames {
            memory: &self.memory,
            geometry: self.settings.geometry,
            shift: self.shift,
            lock: SpinLock::new(&self.chunks, self.settings.pause),
            homes: self.table.homes(),
            counts: self.table.counts(),
        }
    }

    /// Takes a step with each group, or takes back those that were taken.
    fn all_or_none(
        &self,
        pages: &Pages,
        step: impl Fn(&Part<'_>) -> Result<(), Hindrance>,
        back: impl Fn(&Part<'_>),
    ) -> Result<(), RegionError> {
        for part in self.parts(pages) {
            if let Err(hindrance) = step(&part) {
                self.parts(pages).take_while(|done| done.index < part.index).for_each(|p| back(&p));
                return Err(self.explain(hindrance, &part, pages));
            }
        }
        Ok(())
    }

    #[cold]
    fn explain(&self, hindrance: Hindrance, part: &Part<'_>, pages: &Pages) -> RegionError {
        match hindrance {
            Hindrance::Refused(Unavailable::Missing(bits)) => {
                let missing = |part: Part<'_>| part.bits & !part.group.allocated.load();
                let count: u32 = self.parts(pages).map(|part| missing(part).count_ones()).sum();
                RegionError::Unallocated {
                    region: self.settings.id,
                    first: part.index * 64 + bits.trailing_zeros() as usize,
                    pages: count.max(bits.count_ones()) as usize,
                }
            }
            Hindrance::Refused(Unavailable::Taken(bits)) => {
                RegionError::Busy { page: part.index * 64 + bits.trailing_zeros() as usize }
            }
            Hindrance::Failed(error) => error,
        }
    }

    fn keep_part(&self, part: &Part<'_>, missing: Missing) -> Result<(), Hindrance> {
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

    fn release_part(&self, part: &Part<'_>) {
        self.free(part, part.pages.release(part.bits));
    }

    fn end_read_part(&self, part: &Part<'_>) {
        self.free(part, part.pages.end_read(part.bits));
    }

    fn end_write_part(&self, part: &Part<'_>) {
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
        self.invalidate(part.index, part.group, last);
        part.group.allocated.clear(last);
        part.group.changed();
        self.frames().withdraw(part.index, last);
        part.pages.vacate(last);
    }

    /// Makes pages of a group hold nothing.
    fn invalidate(&self, index: usize, group: &Group, pages: u64) {
        group.dirty.clear(pages);
        group.valid.clear(pages);
        self.stamp_all(index, pages, |_| Stamp::default());
        self.tracker.forget(index, pages);
    }

    fn stamp_all(&self, group: usize, pages: u64, of: impl Fn(usize) -> Stamp) {
        let stamps = self.table.stamps(group);
        let mut left = pages;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            if let Some(stamp) = stamps.get(at) {
                stamp.store(of(at));
            }
            left &= left - 1;
        }
    }

    /// Writes down what became of pages that are pinned for writing.
    fn settle(&self, part: &Part<'_>, outcome: Outcome<'_>, now: Stamp) {
        let Part { index, group, bits, .. } = *part;
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
            Outcome::Failed => self.invalidate(index, group, bits),
        }
        group.changed();
    }

    /// A stamp that no page has had.
    fn stamp_now(&self) -> Stamp {
        let number = self.clock.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        Stamp { origin: self.settings.id.number(), number }
    }
}

/// What keeps a region from a step with a group of pages.
enum Hindrance {
    Refused(Unavailable),
    Failed(RegionError),
}

impl From<Unavailable> for Hindrance {
    fn from(refusal: Unavailable) -> Self {
        Self::Refused(refusal)
    }
}

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
        let find = || unsafe { self.frames().find(run) };
        match pages.and_then(|pages| pages.while_ready(page, find)) {
            Some((address, len)) => Ok(Place::new(&self.memory, address, len)),
            None => Err(RegionError::Unallocated {
                region: self.settings.id,
                first: run.first,
                pages: 1,
            }),
        }
    }

    fn flush(&self) -> Result<(), RegionError> {
        Ok(self.memory.flush()?)
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> DefaultRegion<M, H, W> {
    fn pin_to_read(&self, pages: &Pages, taken: Taken) -> Result<(), RegionError> {
        let begin = |part: &Part<'_>| Ok(part.pages.begin_read(part.bits, taken)?);
        self.all_or_none(pages, begin, |part| self.end_read_part(part))
    }

    fn pin_to_write(&self, pages: &Pages, taken: Taken) -> Result<(), RegionError> {
        let begin = |part: &Part<'_>| Ok(part.pages.begin_write(part.bits, taken)?);
        self.all_or_none(pages, begin, |part| self.end_write_part(part))
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

impl<M: Memory, H: HostAddressable, W: WriteTracker> Drop for DefaultRegion<M, H, W> {
    fn drop(&mut self) {
        // Those are left whose anchors were forgotten.
        for (index, group) in self.table.groups().iter().enumerate() {
            let left = group.allocated.load();
            self.tracker.forget(index, left);
            self.frames().withdraw(index, left);
        }
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> fmt::Debug for DefaultRegion<M, H, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultRegion").field("settings", &self.settings).finish_non_exhaustive()
    }
}
