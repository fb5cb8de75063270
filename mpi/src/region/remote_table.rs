//! The page table of another rank's region, as it was fetched last.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anymem_core::region::{AtomicStamp, Geometry, PageArray, RegionError, RegionId, Stamp};

use super::Handle;
use super::layout::{EDITION, HEAD, MOVES, TableLayout, to_stamp};
use crate::{Job, Transport, TransportError};

/// What is known of 64 pages.
#[derive(Debug, Default)]
struct Group {
    /// The owner's count of changes, as it is in the head.
    seen: AtomicU64,
    /// Our own, of what this table tells.
    changes: AtomicU32,
    allocated: AtomicU64,
    valid: AtomicU64,
    dirty: AtomicU64,
    moves: AtomicU64,
}

/// The pages of another rank's region.
#[derive(Debug)]
pub(super) struct RemoteTable {
    job: Arc<Job>,
    handle: Handle,
    layout: TableLayout,
    fetched: Mutex<Fetched>,
    groups: Vec<Group>,
    stamps: Vec<AtomicStamp>,
    places: Vec<AtomicU64>,
}

/// The owner's words as they come, which count once all of them are of one edition.
#[derive(Debug)]
struct Fetched {
    /// The edition that the table tells of; 0 for none.
    edition: u64,
    heads: Vec<u64>,
    stamps: Vec<u64>,
    places: Vec<u64>,
}

/// How often a table is fetched that its owner is writing, before that is an error.
const PATIENCE: usize = 100_000;

fn filled<T: Default>(len: usize) -> Vec<T> {
    (0..len).map(|_| T::default()).collect()
}

impl RemoteTable {
    /// The table of that region, if it is there.
    pub(super) fn open(job: &Arc<Job>, handle: Handle) -> Result<Self, RegionError> {
        let layout = TableLayout { geometry: handle.geometry };
        let (groups, pages) = (layout.groups(), handle.geometry.pages());
        let fetched = Fetched {
            edition: 0,
            heads: vec![0; HEAD * groups],
            stamps: vec![0; pages],
            places: vec![0; pages],
        };
        let table = Self {
            job: Arc::clone(job),
            handle,
            layout,
            fetched: Mutex::new(fetched),
            groups: filled(groups),
            stamps: filled(pages),
            places: filled(pages),
        };
        let mut header = layout.header(0, handle.id.number());
        let expected = header;
        table.fetch_now(0, &mut header)?;
        header[EDITION] = 0;
        if header == expected { Ok(table) } else { Err(table.failed(TransportError::REFUSED)) }
    }

    fn transport(&self) -> &dyn Transport {
        &**self.job.transport()
    }

    fn failed(&self, code: i32) -> RegionError {
        RegionError::Transport { rank: self.handle.rank, code }
    }

    pub(super) fn flush(&self) -> Result<(), RegionError> {
        let rank = self.handle.rank;
        self.job.flush(rank).map_err(|error| error.in_region(rank))
    }

    fn at(&self, word: usize) -> u64 {
        self.handle.table + 8 * word as u64
    }

    /// Posts the fetch of words, which is done after a flush.
    fn fetch(&self, word: usize, words: &mut [u64]) -> Result<(), RegionError> {
        let (to, rank) = (words.as_mut_ptr().cast::<u8>(), self.handle.rank);
        // SAFETY: whoever calls it flushes before the words are used or gone, on errors too.
        unsafe { self.transport().get(to, rank, self.at(word), size_of_val(words)) }
            .map_err(|error| error.in_region(rank))
    }

    /// Posts words to the arrivals from `page` on, which are there after a flush.
    ///
    /// # Safety
    ///
    /// The words are there until then.
    pub(super) unsafe fn post_arrivals(
        &self,
        page: usize,
        words: &[u64],
    ) -> Result<(), RegionError> {
        let (from, rank) = (words.as_ptr().cast::<u8>(), self.handle.rank);
        let to = self.at(self.layout.arrival(page));
        // SAFETY: the caller vouches for the words; arrivals are atomic there.
        unsafe { self.transport().put(rank, to, from, size_of_val(words)) }
            .map_err(|error| error.in_region(rank))
    }

    /// Fetches words; they are there when it returns.
    fn fetch_now(&self, word: usize, words: &mut [u64]) -> Result<(), RegionError> {
        let posted = self.fetch(word, words);
        // Nothing may be on the way when the words go.
        self.flush().and(posted)
    }

    /// Posts the fetch of a word for each page of `parts`, to where it is in `words`.
    fn fetch_parts(
        &self,
        parts: &[Range<usize>],
        words: &mut [u64],
        word_of: impl Fn(usize) -> usize,
    ) -> Result<(), RegionError> {
        parts.iter().try_for_each(|part| self.fetch(word_of(part.start), &mut words[part.clone()]))
    }

    fn fetch_edition(&self) -> Result<u64, RegionError> {
        let mut edition = [0];
        self.fetch_now(EDITION, &mut edition)?;
        Ok(edition[0])
    }

    /// Fetches what has changed since the last time.
    pub(super) fn refresh(&self) -> Result<(), RegionError> {
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..PATIENCE {
            let edition = self.fetch_edition()?;
            if edition == fetched.edition {
                return Ok(());
            }
            if edition % 2 == 0 && self.fetch_changes(&mut fetched, edition)? {
                fetched.edition = edition;
                return Ok(());
            }
            std::thread::yield_now();
        }
        Err(self.failed(TransportError::REFUSED))
    }

    /// Fetches an edition; whether it is all of one.
    fn fetch_changes(&self, fetched: &mut Fetched, edition: u64) -> Result<bool, RegionError> {
        let Fetched { heads, stamps, places, .. } = fetched;
        self.fetch_now(self.layout.head(0), heads)?;
        let (heads, _) = heads.as_chunks::<HEAD>();
        let changed = self.pages_where(|group| !self.groups[group].has(&heads[group]));
        let moved = self.pages_where(|group| !self.groups[group].has_places(&heads[group]));
        let posted = self
            .fetch_parts(&changed, stamps, |page| self.layout.stamp(page))
            .and_then(|()| self.fetch_parts(&moved, places, |page| self.layout.place(page)));
        // As in `fetch_now`.
        self.flush().and(posted)?;
        if self.fetch_edition()? != edition {
            return Ok(false);
        }
        changed
            .into_iter()
            .flatten()
            .for_each(|page| self.stamps[page].store(to_stamp(stamps[page])));
        moved
            .into_iter()
            .flatten()
            .for_each(|page| self.places[page].store(places[page], Ordering::Relaxed));
        self.groups.iter().zip(heads).for_each(|(group, head)| group.take(head));
        Ok(true)
    }

    /// The pages of such groups, as many at a time as follow one another.
    fn pages_where(&self, is_such: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
        let mut parts: Vec<Range<usize>> = Vec::new();
        for group in (0..self.groups.len()).filter(|&group| is_such(group)) {
            let pages = self.layout.pages_of(group);
            match parts.last_mut() {
                Some(part) if part.end == pages.start => part.end = pages.end,
                _ => parts.push(pages),
            }
        }
        parts
    }

    /// Where a page is in the arena.
    pub(super) fn place(&self, page: usize) -> u64 {
        self.places[page].load(Ordering::Relaxed)
    }

    /// Takes note of what was put into a page; `None` if it does not hold anything now.
    pub(super) fn set(&self, page: usize, stamp: Option<Stamp>) {
        let (group, bit) = (&self.groups[page / 64], 1 << (page % 64));
        match stamp {
            Some(stamp) => {
                self.stamps[page].store(stamp);
                group.valid.fetch_or(bit, Ordering::Relaxed);
            }
            None => {
                group.valid.fetch_and(!bit, Ordering::Relaxed);
            }
        }
        group.dirty.fetch_and(!bit, Ordering::Relaxed);
        group.changed();
    }
}

impl Group {
    fn words(&self) -> [&AtomicU64; HEAD] {
        [&self.seen, &self.allocated, &self.valid, &self.dirty, &self.moves]
    }

    /// Whether it was fetched from such a head.
    fn has(&self, head: &[u64; HEAD]) -> bool {
        self.words().map(|word| word.load(Ordering::Relaxed)) == *head
    }

    /// Whether its pages were where they are at such a head.
    fn has_places(&self, head: &[u64; HEAD]) -> bool {
        self.moves.load(Ordering::Relaxed) == head[MOVES]
    }

    fn take(&self, head: &[u64; HEAD]) {
        if !self.has(head) {
            for (to, &word) in self.words().into_iter().zip(head) {
                to.store(word, Ordering::Relaxed);
            }
            self.changed();
        }
    }

    fn changed(&self) {
        // Release: pairs with the Acquire in `changes`; bits and stamps are at least as new.
        self.changes.fetch_add(1, Ordering::Release);
    }
}

impl PageArray for RemoteTable {
    fn geometry(&self) -> Geometry {
        self.layout.geometry
    }

    fn allocated(&self, group: usize) -> u64 {
        self.groups.get(group).map_or(0, |group| group.allocated.load(Ordering::Relaxed))
    }

    fn valid(&self, group: usize) -> u64 {
        self.groups.get(group).map_or(0, |group| group.valid.load(Ordering::Relaxed))
    }

    fn dirty(&self, group: usize) -> u64 {
        self.groups.get(group).map_or(0, |group| group.dirty.load(Ordering::Relaxed))
    }

    fn changes(&self, group: usize) -> u32 {
        // Acquire: pairs with the Release in `changed`.
        self.groups.get(group).map_or(0, |group| group.changes.load(Ordering::Acquire))
    }

    fn stamp(&self, page: usize) -> Stamp {
        self.stamps.get(page).map_or(Stamp::default(), AtomicStamp::load)
    }

    fn stamps(&self, group: usize) -> Option<&[AtomicStamp]> {
        self.stamps.get(self.layout.pages_of(group))
    }

    fn owner(&self, _page: usize) -> RegionId {
        self.handle.id
    }
}
