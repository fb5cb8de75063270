//! Which parts of a program allocate: a sample of its blocks, each with the
//! calls that led to it.
//!
//! # Which blocks are taken
//!
//! A Poisson process marks bytes of all that is allocated, one in `rate` on
//! average; a block with a mark in it is taken ([`countdown`]). So a block of
//! *n* bytes is taken with probability 1 − e^(−n / rate), and stands for as many
//! like it as the inverse of that: sums of these are estimates without bias. Go,
//! tcmalloc and jemalloc do the same.
//!
//! # Who waits
//!
//! A block that is not taken costs a subtraction, and when it is freed a look at
//! a table of counters ([`sieve`]). Those that are taken go through one lock.
//! Nobody holds it who could be interrupted or forked meanwhile, or who
//! allocates from what is profiled ([`apart`]); stacks are walked before it is
//! taken, for that may take locks of the loader's.
//!
//! [`countdown`]: self::countdown
//! [`sieve`]: self::sieve
//! [`apart`]: self::apart

mod apart;
mod countdown;
#[cfg(all(unix, feature = "pprof"))]
mod file;
#[cfg(all(unix, feature = "pprof"))]
mod mappings;
#[cfg(all(unix, feature = "pprof"))]
mod message;
mod samples;
mod sieve;
mod stack;

use core::ptr::NonNull;
use std::sync::{Mutex, PoisonError};
#[cfg(all(unix, feature = "pprof"))]
use std::{io, path::Path};

use self::apart::Apart;
pub use self::samples::{CallSite, Estimate};
use self::samples::{Live, Samples};
use self::sieve::Sieve;
use self::stack::Stack;
use crate::thread::fork;

/// Where a program allocates, estimated from a sample of its blocks.
///
/// What it keeps in memory grows with the blocks that were taken and the
/// different ways that led to them; it comes from the global allocator and is
/// not part of the profile. A forked child goes on with a copy; where the heap is
/// shared, it has no profile.
#[derive(Debug)]
pub struct HeapProfile {
    rate: usize,
    /// Whether a forked child has its own copy of what this keeps.
    private: bool,
    sieve: Sieve,
    samples: Mutex<Samples>,
}

impl HeapProfile {
    pub(crate) fn new(rate: usize, private: bool) -> Self {
        countdown::prepare();
        Self { rate, private, sieve: Sieve::new(), samples: Mutex::default() }
    }

    /// Whether this process may look at it: in a heap that is shared, what it
    /// keeps stays the parent's.
    pub(crate) fn is_own(&self) -> bool {
        self.private || !countdown::is_in_child()
    }

    /// Bytes from one that is marked to the next, on average; with 1 every block
    /// is taken.
    #[must_use]
    pub fn rate(&self) -> usize {
        self.rate
    }

    /// What each way through the program has allocated so far, and what of that
    /// is still in use.
    ///
    /// ```
    /// use anymem::ShmAlloc;
    ///
    /// #[global_allocator]
    /// static HEAP: ShmAlloc = ShmAlloc::new().with_profile(4096);
    ///
    /// let profile = HEAP.profile().expect("it is made");
    /// let kept: Vec<_> = (0..1000).map(|_| vec![0_u8; 10_000]).collect();
    /// let bytes: f64 = profile.sites().iter().map(|site| site.live.bytes).sum();
    /// assert!((8e6..12e6).contains(&bytes));
    /// drop(kept);
    /// let bytes: f64 = profile.sites().iter().map(|site| site.live.bytes).sum();
    /// assert!(bytes < 2e6);
    /// ```
    #[must_use]
    pub fn sites(&self) -> Vec<CallSite> {
        let sites = || Some(self.locked(&Apart::enter()?, |samples| samples.sites(self.rate)));
        sites().unwrap_or_default()
    }

    /// Calls `work` with what it allocates left out, as the profile's own blocks
    /// are. Signals wait until it is done.
    pub fn without<R>(&self, work: impl FnOnce() -> R) -> R {
        let _apart = Apart::enter();
        work()
    }

    /// Writes what there is so far for [pprof](https://github.com/google/pprof),
    /// as a `profile.proto`.
    ///
    /// The samples have the values `alloc_objects`, `alloc_space`,
    /// `inuse_objects` and `inuse_space`. Their addresses have no names; pprof
    /// finds these in the files that the profile says were mapped.
    ///
    /// # Errors
    ///
    /// The file can't be written.
    #[cfg(all(unix, feature = "pprof"))]
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let apart = Apart::enter().ok_or(io::ErrorKind::Deadlock)?;
        let sites = self.locked(&apart, |samples| samples.sites(self.rate));
        file::write(path, &sites, self.rate)
    }

    /// A block of `size` bytes was handed out.
    pub(crate) fn allocated(&self, block: NonNull<u8>, size: usize) {
        let size = size.max(1);
        if Apart::is_entered() || !countdown::is_due(size, self.rate) {
            return;
        }
        let Some(apart) = Apart::enter() else { return };
        let stack = Stack::walk();
        self.locked(&apart, |samples| {
            let stack = samples.allocated(stack.frames(), size, self.rate);
            self.insert(samples, Taken { block, live: Live { stack, size } });
        });
    }

    /// Takes a block out that is to be freed or moved; `None` if it is not one
    /// of those that were sampled.
    pub(crate) fn take(&self, block: NonNull<u8>) -> Option<Taken> {
        if !self.sieve.may_have(block) {
            return None;
        }
        let live = self.locked(&Apart::enter()?, |samples| samples.take(block))?;
        self.sieve.remove(block);
        Some(Taken { block, live })
    }

    /// Puts a block back that stayed after all.
    pub(crate) fn put_back(&self, taken: Taken) {
        if let Some(apart) = Apart::enter() {
            self.locked(&apart, |samples| self.insert(samples, taken));
        }
    }

    fn insert(&self, samples: &mut Samples, Taken { block, live }: Taken) {
        if samples.insert(block, live).is_none() {
            self.sieve.add(block);
        }
    }

    fn locked<R>(&self, _apart: &Apart, work: impl FnOnce(&mut Samples) -> R) -> R {
        let _hold = fork::hold();
        work(&mut self.samples.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A sampled block that was taken out.
pub(crate) struct Taken {
    block: NonNull<u8>,
    live: Live,
}
