//! What the processes share: the queue, the seats and the map.

use core::hash::BuildHasher;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anymem::SharedHeap;
use anymem::container::{ContainerError, ShmHashMap, ShmSafe, ShmString, ShmVec};
use anymem::thread::{Owner, PthreadModel, ThreadModel};
use foldhash::fast::{FixedState, RandomState};

use super::outcome::Outcome;
use super::record::Record;
use super::seat::{Seat, Seats};
use super::times::Times;

/// The name of the job among the roots of its segment.
pub(crate) const ROOT: &str = "job";

/// How often each word was seen.
pub(crate) type Counts = ShmHashMap<ShmString, Times>;

/// Everything about one run, in the segment.
#[derive(Debug, ShmSafe)]
#[repr(C)]
pub(crate) struct Job {
    /// The process that made the segment and the workers: an [`Owner`], as the
    /// word that tells it from later processes of its number.
    parent: usize,
    /// Whether every single word goes to the map.
    pub(crate) per_word: bool,
    /// What all workers hash with, so that each meets the words of a text in
    /// the same order.
    hash_seed: u64,
    /// The files' paths, in the order in which they are taken.
    paths: ShmVec<ShmVec<u8>>,
    /// Who has each file, and what became of it.
    records: ShmVec<Record>,
    /// All files before this one are taken: where to begin to look.
    next: AtomicUsize,
    /// One for each worker.
    seats: ShmVec<Seat>,
    /// The map that all workers count into.
    pub(crate) counts: Counts,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Files that were counted.
    pub(crate) files: u64,
    /// Files that were not, and will not be.
    pub(crate) skipped: u64,
    /// Bytes of text.
    pub(crate) bytes: u64,
    /// Words in it.
    pub(crate) words: u64,
}

impl Job {
    /// A job of this process, to live in `heap`.
    pub(crate) fn new(
        heap: &SharedHeap,
        files: &[PathBuf],
        workers: u32,
        per_word: bool,
    ) -> Result<Self, ContainerError> {
        let mut paths = ShmVec::with_capacity_in(files.len(), heap)?;
        for file in files {
            paths.push(ShmVec::from_slice_in(file.as_os_str().as_bytes(), heap)?)?;
        }
        let mut records = ShmVec::with_capacity_in(files.len(), heap)?;
        records.extend(files.iter().map(|_| Record::default()))?;
        let mut seats = ShmVec::with_capacity_in(workers as usize, heap)?;
        seats.extend((0..workers).map(|_| Seat::default()))?;
        let parent = PthreadModel.owner().to_word();
        Ok(Self {
            parent,
            per_word,
            hash_seed: RandomState::default().hash_one(parent),
            paths,
            records,
            next: AtomicUsize::new(0),
            seats,
            counts: Counts::new_in(heap)?,
        })
    }

    /// The process that made the segment and the workers.
    pub(crate) fn parent(&self) -> Owner {
        Owner::from_word(self.parent)
    }

    /// How the workers hash.
    pub(crate) fn hashing(&self) -> FixedState {
        FixedState::with_seed(self.hash_seed)
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.paths.len()
    }

    /// The seats, seen from that of a worker.
    pub(crate) fn seats(&self, worker: u32) -> Result<Seats<'_>, ContainerError> {
        Seats::new(self.seats.as_slice()?, worker)
    }

    /// Takes the next file for a seat.
    pub(crate) fn take(&self, seat: u32) -> Result<Option<usize>, ContainerError> {
        let records = self.records.as_slice()?;
        let from = self.next.load(Ordering::Relaxed);
        let taken = (from..).zip(records.iter().skip(from)).find(|(_, record)| record.take(seat));
        // Whoever dies here, or is overtaken, makes others look at more.
        self.next.store(taken.map_or(records.len(), |(index, _)| index + 1), Ordering::Relaxed);
        Ok(taken.map(|(index, _)| index))
    }

    /// The file that a seat has taken and not finished.
    pub(crate) fn taken(&self, seat: u32) -> Result<Option<usize>, ContainerError> {
        let taken = Outcome::Taken { seat };
        Ok(self.records.iter()?.position(|record| record.outcome() == taken))
    }

    /// The path of a file.
    pub(crate) fn path(&self, index: usize) -> Result<&Path, ContainerError> {
        let path = self.paths.get(index)?.ok_or(ContainerError::Corrupt)?;
        Ok(Path::new(OsStr::from_bytes(path.as_slice()?)))
    }

    /// What is known of a file.
    pub(crate) fn record(&self, index: usize) -> Result<&Record, ContainerError> {
        self.records.get(index)?.ok_or(ContainerError::Corrupt)
    }

    /// What became of the files so far.
    pub(crate) fn outcomes(&self) -> Result<impl Iterator<Item = Outcome>, ContainerError> {
        Ok(self.records.iter()?.map(Record::outcome))
    }

    /// How far the job is.
    pub(crate) fn tally(&self) -> Result<Tally, ContainerError> {
        let mut tally = Tally::default();
        for record in self.records.iter()? {
            match record.outcome() {
                Outcome::Waiting | Outcome::Taken { .. } => {}
                Outcome::Counted => tally.add(record.sizes()),
                Outcome::NotUtf8 | Outcome::Unreadable { .. } => tally.skipped += 1,
            }
        }
        Ok(tally)
    }
}

impl Tally {
    fn add(&mut self, (bytes, words): (u64, u64)) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.words = self.words.saturating_add(words);
    }
}
