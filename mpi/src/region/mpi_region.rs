//! A region of another rank.
//!
//! # What it guarantees
//!
//! - Pages that a copy into them was begun for hold nothing at the owner until the copy has
//!   ended well: each is announced there before its first byte moves.
//!
//! # Protocol
//!
//! | step | arrivals at the owner |
//! |---|---|
//! | [`begin_write`](Region::begin_write) | put [`BEGUN`], flush: only then bytes are put |
//! | [`end_write`](Region::end_write) | bytes have been flushed; put the stamps (or 0, if nothing was written), flush |
//!
//! Whatever fails in between leaves `BEGUN`, which the owner takes for a page that is not
//! valid.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anymem_core::memory::{Address, Memory as _, Place};
use anymem_core::region::{
    Geometry, Outcome, PageArray, Pages, Region, RegionError, RegionId, Run, Stamp,
};

use super::Handle;
use super::layout::{BEGUN, to_word};
use super::pins::Pins;
use super::remote_table::RemoteTable;
use crate::{Job, RemoteAddress, RemoteMemory};

/// A region of another rank, which holds no data here: pages are pulled from its owner, and
/// pushed there, by [`update`](anymem_core::region::update).
///
/// What it tells of its pages is what the owner has [published](crate::Exported::publish), as
/// of the last [refresh](Region::refresh), and what was pushed from here since. It has an id
/// of its own; its pages' owner is the region that it stands for.
///
/// The owner learns of what was pushed when it [accepts](crate::Exported::accept) that.
#[derive(Debug)]
pub struct MpiRegion {
    id: RegionId,
    memory: RemoteMemory,
    table: RemoteTable,
    pins: Pins,
    /// The number of the stamp that was given last.
    clock: AtomicU32,
    /// What went wrong after writing had ended.
    late: Mutex<Option<RegionError>>,
}

impl MpiRegion {
    /// Stands for the region that `handle` leads to.
    ///
    /// # Errors
    ///
    /// There is no such rank, it has no such region, or the transport failed.
    ///
    /// # Safety
    ///
    /// As long as it is there, so is the [`Exported`](crate::Exported) that the handle is of,
    /// and from the pinning of pages to their unpinning no other rank uses the same pages in
    /// a way that excludes it: barriers keep them apart.
    pub unsafe fn open(job: &Arc<Job>, handle: Handle) -> Result<Self, RegionError> {
        let memory = RemoteMemory::new(job, handle.rank).ok_or(RegionError::Unsupported)?;
        let table = RemoteTable::open(job, handle)?;
        let pins = Pins::new(handle.geometry.pages());
        let (id, clock, late) = (job.region_id()?, AtomicU32::new(0), Mutex::new(None));
        Ok(Self { id, memory, table, pins, clock, late })
    }

    /// The rank whose region it is.
    #[must_use]
    pub fn rank(&self) -> u32 {
        self.memory.rank()
    }

    /// Whether all that was pushed since the last call has come to the owner as a whole.
    ///
    /// # Errors
    ///
    /// What the transport said when the owner was told of it: some of the pages are not valid
    /// there any more.
    pub fn settle(&self) -> Result<(), RegionError> {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        late.take().map_or(Ok(()), Err)
    }

    fn check_allocated(&self, pages: &Pages) -> Result<(), RegionError> {
        let missing = |(group, bits): (usize, u64)| (group, bits & !self.table.allocated(group));
        let mut missing = pages.groups().map(missing).filter(|&(_, bits)| bits != 0).peekable();
        let Some(&(group, bits)) = missing.peek() else { return Ok(()) };
        let first = group * 64 + bits.trailing_zeros() as usize;
        let pages = missing.map(|(_, bits)| bits.count_ones() as usize).sum();
        Err(RegionError::Unallocated { region: self.id, first, pages })
    }

    fn check_page(&self, page: usize) -> Result<(), RegionError> {
        if self.table.allocated(page / 64) >> (page % 64) & 1 != 0 {
            return Ok(());
        }
        Err(RegionError::Unallocated { region: self.id, first: page, pages: 1 })
    }

    /// Where the pages of a run are, the first of which is there, as far as they follow one
    /// another.
    fn find(&self, run: Run) -> Place<'_> {
        let (first, size) = (self.table.place(run.first), self.geometry().page_size() as u64);
        let follows = |&len: &usize| {
            let page = run.first + len;
            self.check_page(page).is_ok() && self.table.place(page) == first + size * len as u64
        };
        let len = 1 + (1..run.len).take_while(follows).count();
        let bytes = self.geometry().bytes_of(Run { first: run.first, len });
        let address = RemoteAddress::new(first).to_raw();
        Place { memory: &self.memory, address, len: bytes.len() }
    }

    /// Puts a word for each page to the owner's arrivals.
    fn tell(&self, pages: &Pages, word_of: impl Fn(usize) -> u64) -> Result<(), RegionError> {
        let words: Vec<u64> =
            pages.runs().flat_map(|run| run.first..run.first + run.len).map(word_of).collect();
        let mut rest = &words[..];
        let posted = pages.runs().try_for_each(|run| {
            let (words, after) = rest.split_at(run.len);
            rest = after;
            // SAFETY: the words are there until the flush below.
            unsafe { self.table.post_arrivals(run.first, words) }
        });
        self.table.flush().and(posted)
    }

    /// Tells the owner what the pages hold now, and takes note of it.
    fn commit(&self, pages: &Pages, stamp_of: impl Fn(usize) -> Stamp) -> Result<(), RegionError> {
        self.tell(pages, |page| to_word(stamp_of(page)))?;
        self.note(pages, |page| Some(stamp_of(page)));
        Ok(())
    }

    fn note(&self, pages: &Pages, stamp_of: impl Fn(usize) -> Option<Stamp>) {
        for page in pages.runs().flat_map(|run| run.first..run.first + run.len) {
            self.table.set(page, stamp_of(page));
        }
    }

    fn new_stamp(&self) -> Stamp {
        let number = self.clock.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        Stamp { origin: self.id.number(), number }
    }
}

// SAFETY: pages are pinned here by `pins`; for the other ranks whoever opened it vouches, as
// for the pages' being there. Places are where the owner says, and every access there is
// checked to be in its arena.
unsafe impl Region for MpiRegion {
    fn id(&self) -> RegionId {
        self.id
    }

    fn geometry(&self) -> Geometry {
        self.table.geometry()
    }

    fn pages(&self) -> &dyn PageArray {
        &self.table
    }

    fn refresh(&self) -> Result<(), RegionError> {
        self.table.refresh()
    }

    fn begin_read(&self, pages: &Pages) -> Result<(), RegionError> {
        self.check_allocated(pages)?;
        self.pins.begin_read(pages);
        Ok(())
    }

    unsafe fn end_read(&self, pages: &Pages) {
        self.pins.end_read(pages);
    }

    fn begin_write(&self, pages: &Pages) -> Result<(), RegionError> {
        self.check_allocated(pages)?;
        self.pins.begin_write(pages);
        self.tell(pages, |_| BEGUN).inspect_err(|_| {
            // Some of the announcements may have come there.
            self.note(pages, |_| None);
            self.pins.end_write(pages);
        })
    }

    unsafe fn end_write(&self, pages: &Pages, outcome: Outcome<'_>) {
        let told = match outcome {
            Outcome::Unchanged => self.tell(pages, |_| 0),
            Outcome::Copied(from) => self.commit(pages, |page| from.stamp(page)),
            Outcome::Written => {
                let stamp = self.new_stamp();
                self.commit(pages, |_| stamp)
            }
            _ => {
                self.note(pages, |_| None);
                Ok(())
            }
        };
        if let Err(error) = told {
            self.note(pages, |_| None);
            self.late.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
        self.pins.end_write(pages);
    }

    fn place(&self, run: Run) -> Result<Place<'_>, RegionError> {
        self.check_page(run.first)?;
        Ok(self.find(run))
    }

    unsafe fn pinned_place(&self, run: Run) -> Result<Place<'_>, RegionError> {
        Ok(self.find(run))
    }

    fn flush(&self) -> Result<(), RegionError> {
        self.table.flush()
    }

    fn failures(&self) -> u32 {
        self.memory.failures()
    }
}
