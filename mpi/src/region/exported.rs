//! A region that other ranks find.

use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anymem_core::memory::{Memory, MemoryError};
use anymem_core::region::{Missing, Outcome, Pages, Region, RegionError, Run};

use super::arrivals::Arrivals;
use super::handle::Handle;
use super::layout::{EDITION, HEAD, MOVES, TableLayout, to_word};
use crate::{ArenaMemory, Job};

/// A region of this rank whose pages are in its arena, so that other ranks can reach them by
/// an [`MpiRegion`](crate::MpiRegion).
///
/// They see what it was when it was [published](Self::publish) last: which pages it has,
/// what they hold and where. Published pages are kept until the next time, whoever else
/// gives them up.
///
/// What others put into pages counts once it is [accepted](Self::accept).
pub struct Exported<R: Region> {
    region: Arc<R>,
    memory: ArenaMemory,
    table: Table,
    /// The pages that the table tells of, each of which is kept.
    kept: Mutex<Vec<u64>>,
}

/// The table, in a block of the arena.
struct Table {
    layout: TableLayout,
    at: <ArenaMemory as Memory>::Address,
    words: NonNull<AtomicU64>,
}

/// A group that has changed since the table was written.
struct Change {
    group: usize,
    /// The region's count of changes, as of before its pages are looked at.
    changes: u64,
    kept: u64,
    /// How often places had changed.
    moves: u64,
}

// SAFETY: the words are atomic, and live as long as the table's owner.
unsafe impl Send for Table {}
// SAFETY: as for `Send`.
unsafe impl Sync for Table {}

impl Table {
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: the block has as many words, which were initialised when it was made.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr(), self.layout.words()) }
    }

    fn load(&self, at: usize) -> u64 {
        self.words()[at].load(Ordering::Relaxed)
    }

    fn store(&self, at: usize, word: u64) {
        self.words()[at].store(word, Ordering::Relaxed);
    }
}

impl<R: Region> fmt::Debug for Exported<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exported({:?})", self.handle())
    }
}

fn in_arena(memory: &ArenaMemory, layout: TableLayout) -> Result<Table, MemoryError> {
    let large = MemoryError::OutOfMemory { requested: usize::MAX };
    let block = layout.layout().ok_or(large)?;
    let at = memory.allocate(block)?;
    let words = memory.host(at).ok_or(MemoryError::Unsupported)?;
    // SAFETY: the block has as many bytes, by `HostAddressable`.
    unsafe { words.write_bytes(0, block.size()) };
    Ok(Table { layout, at, words: words.cast() })
}

impl<R: Region> Exported<R> {
    /// Lets other ranks of the job find `region`, as it is now.
    ///
    /// # Errors
    ///
    /// The arena has no room for the table, or as [`publish`](Self::publish).
    pub fn new(job: &Arc<Job>, region: Arc<R>) -> Result<Self, RegionError> {
        let memory = ArenaMemory::new(job);
        let layout = TableLayout { geometry: region.geometry() };
        let table = in_arena(&memory, layout)?;
        for (at, word) in layout.header(0, region.id().number()).into_iter().enumerate() {
            table.store(at, word);
        }
        let kept = Mutex::new(vec![0; layout.groups()]);
        let exported = Self { region, memory, table, kept };
        exported.publish()?;
        Ok(exported)
    }

    /// The region.
    pub fn region(&self) -> &Arc<R> {
        &self.region
    }

    /// Where other ranks find it.
    pub fn handle(&self) -> Handle {
        Handle {
            rank: self.memory.job().rank(),
            id: self.region.id(),
            geometry: self.table.layout.geometry,
            table: self.table.at.offset(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<u64>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what other ranks have put into pages for what they hold; how many pages. Pages
    /// where that was cut short are not valid any more.
    ///
    /// It waits for who uses those pages here, so who calls it uses none of them.
    ///
    /// # Errors
    ///
    /// What pinning the pages says.
    pub fn accept(&self) -> Result<usize, RegionError> {
        // Acquire: what was put before an arrival is seen with it; MPI orders the rest.
        fence(Ordering::Acquire);
        let layout = self.table.layout;
        let arrivals = &self.table.words()[layout.arrival(0)..];
        let kept = self.kept();
        // Whatever a rank puts there, a page that is not shown is none of its business.
        let is_kept = |page: usize| kept[page / 64] >> (page % 64) & 1;
        let take =
            |(page, word): (usize, &AtomicU64)| word.swap(0, Ordering::Relaxed) * is_kept(page);
        let words = arrivals.iter().enumerate().map(take).collect();
        let arrived = Arrivals::new(layout.geometry, self.region.id(), words);
        let (whole, begun) = arrived.split();
        self.take(Pages::new(&begun), Outcome::Failed)?;
        self.take(Pages::new(&whole), Outcome::Copied(&arrived))?;
        Ok(Pages::new(&whole).count())
    }

    fn take(&self, pages: &Pages, outcome: Outcome<'_>) -> Result<(), RegionError> {
        if pages.first().is_none() {
            return Ok(());
        }
        self.region.begin_write(pages)?;
        // SAFETY: pinned just now, and nothing of them was lent.
        unsafe { self.region.end_write(pages, outcome) };
        Ok(())
    }

    /// Shows the region to other ranks as it is now, with what they have put into it. A
    /// [barrier](crate::Transport::barrier) lets them know.
    ///
    /// It waits for who writes pages here, so who calls it writes none.
    ///
    /// # Errors
    ///
    /// - [`Unsupported`](RegionError::Unsupported), if pages are not in this rank's arena.
    /// - As [`accept`](Self::accept).
    pub fn publish(&self) -> Result<(), RegionError> {
        self.accept()?;
        let mut kept = self.kept();
        let anew = self.keep_anew(&mut kept);
        let edition = self.table.load(EDITION);
        self.table.store(EDITION, edition | 1);
        // Release: who sees anything of what follows sees the odd edition.
        fence(Ordering::Release);
        let written = self.write_changed(&kept);
        // Release: who sees the new edition sees all of it.
        self.table.words()[EDITION].store((edition | 1) + 1, Ordering::Release);
        anew.and(written)
    }

    /// Gives up the pages that were kept, and keeps those that are still there.
    fn keep_anew(&self, kept: &mut [u64]) -> Result<(), RegionError> {
        // SAFETY: these were kept, by the last call.
        unsafe { self.region.release(Pages::new(kept)) };
        let array = self.region.pages();
        loop {
            for (group, bits) in kept.iter_mut().enumerate() {
                *bits = array.allocated(group);
            }
            match self.region.keep(Pages::new(kept), Missing::Refuse) {
                // Somebody gave up another one in between.
                Err(RegionError::Unallocated { .. }) => {}
                Err(error) => {
                    kept.fill(0);
                    return Err(error);
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Writes what the table tells of the groups that have changed; nothing is there of one
    /// that cannot be told, for none may tell of pages that are not kept.
    fn write_changed(&self, kept: &[u64]) -> Result<(), RegionError> {
        let changed: Vec<_> =
            (0..kept.len()).filter_map(|group| self.change(group, kept)).collect();
        let mut words = vec![0; kept.len()];
        changed.iter().for_each(|&Change { group, .. }| words[group] = kept[group]);
        let pages = Pages::new(&words);
        let pinned = self.region.begin_read(pages);
        let show = |change: &Change| {
            let shown = pinned.and_then(|()| self.show(change));
            shown.inspect_err(|_| self.store_head(change.group, [1 << 32, 0, 0, 0, change.moves]))
        };
        let shown = changed.iter().map(show).fold(Ok(()), Result::and);
        if pinned.is_ok() {
            // SAFETY: pinned just now, and nothing of them is used any more.
            unsafe { self.region.end_read(pages) };
        }
        shown
    }

    /// What the table has to tell anew of a group, if anything.
    fn change(&self, group: usize, kept: &[u64]) -> Option<Change> {
        let (head, kept) = (self.table.layout.head(group), kept[group]);
        // A bit more, so that no group is like one that was never written.
        let changes = u64::from(self.region.pages().changes(group)) | 1 << 32;
        let moves = self.table.load(head + MOVES);
        let is_known = [0, 1].map(|at| self.table.load(head + at)) == [changes, kept];
        (!is_known).then_some(Change { group, changes, kept, moves })
    }

    fn store_head(&self, group: usize, head: [u64; HEAD]) {
        for (at, word) in head.into_iter().enumerate() {
            self.table.store(self.table.layout.head(group) + at, word);
        }
    }

    /// Writes what the table tells of a group, whose pages are pinned.
    fn show(&self, change: &Change) -> Result<(), RegionError> {
        let &Change { group, changes, kept, moves } = change;
        let (array, layout) = (self.region.pages(), self.table.layout);
        let mut is_moved = false;
        let pages = || layout.pages_of(group).filter(|page| kept >> (page % 64) & 1 != 0);
        let places = pages().map(|page| self.offset_of(page)).collect::<Result<Vec<_>, _>>()?;
        for (page, place) in pages().zip(places) {
            self.table.store(layout.stamp(page), to_word(array.stamp(page)));
            is_moved |= self.table.load(layout.place(page)) != place;
            self.table.store(layout.place(page), place);
        }
        let (valid, dirty) = (array.valid(group) & kept, array.dirty(group) & kept);
        self.store_head(group, [changes, kept, valid, dirty, moves + u64::from(is_moved)]);
        Ok(())
    }

    /// Where a pinned page is in the arena.
    fn offset_of(&self, page: usize) -> Result<u64, RegionError> {
        let place = self.region.place(Run { first: page, len: 1 })?;
        let arena = self.memory.job().arena();
        let start = place.memory.host(place.address).map(|start| start.addr().get());
        let offset = start.and_then(|start| start.checked_sub(arena.cast::<u8>().addr().get()));
        let is_inside = |offset: &usize| *offset < arena.len() && place.len <= arena.len() - offset;
        offset.filter(is_inside).map(|offset| offset as u64).ok_or(RegionError::Unsupported)
    }
}

impl<R: Region> Drop for Exported<R> {
    fn drop(&mut self) {
        // SAFETY: these are kept, and others use them no more, by the promise of who opened
        // the region there.
        unsafe { self.region.release(Pages::new(&self.kept())) };
        if let Some(layout) = self.table.layout.layout() {
            // SAFETY: allocated so by `in_arena`; as above.
            unsafe { self.memory.free(self.table.at, layout) };
        }
    }
}
