//! What the processes share: the queue, the tallies and the map.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anymem::SharedHeap;
use anymem::container::{ContainerError, ShmHashMap, ShmSafe, ShmString, ShmVec};
use anymem::thread::{Owner, PthreadModel, ThreadModel};

use super::outcome::Outcome;

/// The name of the job among the roots of its segment.
pub(crate) const ROOT: &str = "job";

/// How often each word was seen.
pub(crate) type Counts = ShmHashMap<ShmString, u64>;

/// Everything about one run, in the segment.
///
/// Numbers that change are atomics; none of them orders anything, for what is
/// counted is in the map, whose locks do.
#[derive(Debug, ShmSafe)]
#[repr(C)]
pub(crate) struct Job {
    /// The process that made the segment and the workers: an [`Owner`], as the
    /// word that tells it from later processes of its number.
    parent: usize,
    /// Whether every single word goes to the map.
    pub(crate) per_word: bool,
    /// The files' paths, in the order in which they are taken.
    paths: ShmVec<ShmVec<u8>>,
    /// What became of each file, an [`Outcome`].
    outcomes: ShmVec<AtomicU32>,
    /// The next file to take.
    next: AtomicU64,
    files: AtomicU64,
    bytes: AtomicU64,
    words: AtomicU64,
    skipped: AtomicU64,
    /// The map that all workers count into.
    pub(crate) counts: Counts,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Files that were counted.
    pub(crate) files: u64,
    /// Files that were not.
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
        per_word: bool,
    ) -> Result<Self, ContainerError> {
        let mut paths = ShmVec::with_capacity_in(files.len(), heap)?;
        for file in files {
            paths.push(ShmVec::from_slice_in(file.as_os_str().as_bytes(), heap)?)?;
        }
        let mut outcomes = ShmVec::with_capacity_in(files.len(), heap)?;
        outcomes.extend(files.iter().map(|_| AtomicU32::new(Outcome::Waiting.into_bits())))?;
        let zero = || AtomicU64::new(0);
        Ok(Self {
            parent: PthreadModel.owner().to_word(),
            per_word,
            paths,
            outcomes,
            next: zero(),
            files: zero(),
            bytes: zero(),
            words: zero(),
            skipped: zero(),
            counts: Counts::new_in(heap)?,
        })
    }

    /// The process that made the segment and the workers.
    pub(crate) fn parent(&self) -> Owner {
        Owner::from_word(self.parent)
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.paths.len()
    }

    /// Takes the next file, which nobody else gets.
    pub(crate) fn take(&self) -> Option<usize> {
        let index = usize::try_from(self.next.fetch_add(1, Ordering::Relaxed)).ok()?;
        (index < self.len()).then_some(index)
    }

    /// The path of a file.
    pub(crate) fn path(&self, index: usize) -> Result<&Path, ContainerError> {
        let path = self.paths.get(index)?.ok_or(ContainerError::Corrupt)?;
        Ok(Path::new(OsStr::from_bytes(path.as_slice()?)))
    }

    /// Notes that a file of `bytes` bytes with `words` words was counted.
    pub(crate) fn counted(
        &self,
        index: usize,
        bytes: u64,
        words: u64,
    ) -> Result<(), ContainerError> {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.words.fetch_add(words, Ordering::Relaxed);
        self.files.fetch_add(1, Ordering::Relaxed);
        self.note(index, Outcome::Counted)
    }

    /// Notes that a file was not counted.
    pub(crate) fn skipped(&self, index: usize, why: Outcome) -> Result<(), ContainerError> {
        self.skipped.fetch_add(1, Ordering::Relaxed);
        self.note(index, why)
    }

    fn note(&self, index: usize, outcome: Outcome) -> Result<(), ContainerError> {
        let place = self.outcomes.get(index)?.ok_or(ContainerError::Corrupt)?;
        place.store(outcome.into_bits(), Ordering::Relaxed);
        Ok(())
    }

    /// What became of the files so far.
    pub(crate) fn outcomes(&self) -> Result<impl Iterator<Item = Outcome>, ContainerError> {
        let bits = self.outcomes.iter()?.map(|bits| bits.load(Ordering::Relaxed));
        Ok(bits.map(Outcome::from_bits))
    }

    /// How far the job is.
    pub(crate) fn tally(&self) -> Tally {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tally {
            files: read(&self.files),
            skipped: read(&self.skipped),
            bytes: read(&self.bytes),
            words: read(&self.words),
        }
    }
}
