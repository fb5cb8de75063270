//! The page table of another rank's region, as it was fetched last.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anymem_core::region::{AtomicStamp, Geometry, PageArray, RegionError, RegionId, Stamp};

use super::Handle;
use super::layout::{EDITION, HEAD, TableLayout, to_stamp};
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
}

/// The pages of another rank's region.
#[derive(Debug)]
pub(super) struct RemoteTable {
    job: Arc<Job>,
    handle: Handle,
    layout: TableLayout,
    /// The edition that it was fetched from; 0 for none.
    edition: Mutex<u64>,
    groups: Vec<Group>,
    stamps: Vec<AtomicStamp>,
    places: Vec<AtomicU64>,
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
        let pages = handle.geometry.pages();
        let (groups, stamps, places) = (filled(layout.groups()), filled(pages), filled(pages));
        let (job, edition) = (Arc::clone(job), Mutex::new(0));
        let table = Self { job, handle, layout, edition, groups, stamps, places };
        let mut header = layout.header(0, handle.id.number());
        let expected = header;
        table.fetch_all([(0, &mut header[..])].into_iter())?;
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

    /// Fetches some ranges of words; all of them or an error.
    fn fetch_all<'w>(
        &self,
        mut parts: impl Iterator<Item = (usize, &'w mut [u64])>,
    ) -> Result<(), RegionError> {
        let posted = parts.try_for_each(|(word, words)| self.fetch(word, words));
        // Nothing may be on the way when the words go.
        self.flush().and(posted)
    }

    fn fetch_edition(&self) -> Result<u64, RegionError> {
        let mut edition = [0];
        self.fetch_all([(EDITION, &mut edition[..])].into_iter())?;
        Ok(edition[0])
    }

    /// Fetches what has changed since the last time.
    pub(super) fn refresh(&self) -> Result<(), RegionError> {
        let mut known = self.edition.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..PATIENCE {
            let edition = self.fetch_edition()?;
            if edition == *known {
                return Ok(());
            }
            if edition % 2 == 0 && self.fetch_changes(edition)? {
                *known = edition;
                return Ok(());
            }
            std::thread::yield_now();
        }
        Err(self.failed(TransportError::REFUSED))
    }

    /// Fetches an edition; whether it is all of one.
    fn fetch_changes(&self, edition: u64) -> Result<bool, RegionError> {
        let mut heads = vec![0; HEAD * self.groups.len()];
        self.fetch_all([(self.layout.head(0), &mut heads[..])].into_iter())?;
        let heads: Vec<[u64; HEAD]> =
            heads.chunks_exact(HEAD).filter_map(|head| head.try_into().ok()).collect();
        let mut changed = self.changed(&heads);
        self.fetch_all(changed.iter_mut().flat_map(|part| {
            let (stamp, place) = (self.layout.stamp(part.first), self.layout.place(part.first));
            [(stamp, &mut part.stamps[..]), (place, &mut part.places[..])]
        }))?;
        if self.fetch_edition()? != edition {
            return Ok(false);
        }
        changed.iter().for_each(|part| self.take(part));
        for (group, head) in self.groups.iter().zip(&heads) {
            group.take(head);
        }
        Ok(true)
    }

    /// The pages of groups whose heads are new, as many at a time as follow one another.
    fn changed(&self, heads: &[[u64; HEAD]]) -> Vec<Part> {
        let is_new = |group: usize| !self.groups[group].has(&heads[group]);
        let mut parts: Vec<Part> = Vec::new();
        for group in (0..heads.len()).filter(|&group| is_new(group)) {
            let pages = self.layout.pages_of(group);
            match parts.last_mut() {
                Some(part) if part.first + part.stamps.len() == pages.start => part.extend(&pages),
                _ => {
                    let mut part = Part { first: pages.start, ..Part::default() };
                    part.extend(&pages);
                    parts.push(part);
                }
            }
        }
        parts
    }

    fn take(&self, part: &Part) {
        for (at, (&stamp, &place)) in part.stamps.iter().zip(&part.places).enumerate() {
            self.stamps[part.first + at].store(to_stamp(stamp));
            self.places[part.first + at].store(place, Ordering::Relaxed);
        }
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

/// Stamps and places of pages that follow one another.
#[derive(Debug, Default)]
struct Part {
    first: usize,
    stamps: Vec<u64>,
    places: Vec<u64>,
}

impl Part {
    fn extend(&mut self, pages: &std::ops::Range<usize>) {
        self.stamps.resize(self.stamps.len() + pages.len(), 0);
        self.places.resize(self.places.len() + pages.len(), 0);
    }
}

impl Group {
    fn words(&self) -> [&AtomicU64; HEAD] {
        [&self.seen, &self.allocated, &self.valid, &self.dirty]
    }

    /// Whether it was fetched from such a head.
    fn has(&self, head: &[u64; HEAD]) -> bool {
        self.words().map(|word| word.load(Ordering::Relaxed)) == *head
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
