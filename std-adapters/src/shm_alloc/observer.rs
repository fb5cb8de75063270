//! Whoever is told of every block of an observed heap.

use core::ptr::NonNull;

use anymem_core::allocator::Allocator;

use super::ProcessHeap;
use crate::observe::{Counters, HeapProfile, Taken};

/// What is to be observed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) counts: bool,
    /// The rate of the profile, if there is to be one.
    pub(super) profile: Option<usize>,
}

impl Wanted {
    pub(super) const NOTHING: Self = Self { counts: false, profile: None };
}

/// What an observed heap has seen so far.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) counts: Option<Counters>,
    profile: Option<HeapProfile>,
}

impl Seen {
    /// `None` if nothing is to be observed.
    pub(super) fn new(wanted: Wanted, private: bool) -> Option<Box<Self>> {
        let is_wanted = wanted.counts || wanted.profile.is_some();
        is_wanted.then(|| Self::of(wanted, private))
    }

    #[cold]
    #[inline(never)]
    fn of(Wanted { counts, profile }: Wanted, private: bool) -> Box<Self> {
        Box::new(Self {
            counts: counts.then(Counters::new),
            profile: profile.map(|rate| HeapProfile::new(rate, private)),
        })
    }

    pub(super) fn profile(&self) -> Option<&HeapProfile> {
        self.profile.as_ref().filter(|profile| profile.is_own())
    }
}

/// To be told of blocks that a heap hands out and takes back past the calls of
/// a global allocator, which tell it themselves.
///
/// Blocks of other heaps are left out.
#[derive(Debug, Clone, Copy)]
pub struct Observer {
    pub(super) heap: &'static ProcessHeap,
    pub(super) seen: &'static Seen,
}

impl Observer {
    /// To be called when a block that was asked for with `size` bytes has been
    /// handed out.
    #[cold]
    #[inline(never)]
    pub fn allocated(&self, block: NonNull<u8>, size: usize) {
        if let Some(bytes) = self.bytes_of(block) {
            self.add(block, size, bytes);
        }
    }

    /// To be called just before a block is freed: once it is, somebody else may
    /// get it.
    #[cold]
    #[inline(never)]
    pub fn freed(&self, block: NonNull<u8>) {
        if let Some(bytes) = self.bytes_of(block) {
            self.take(block);
            self.remove(bytes);
        }
    }

    /// Has `resize` make a block `size` bytes long, and answers where it is
    /// then; `None` if that was not possible, and the block is as it was.
    #[cold]
    #[inline(never)]
    pub fn resized(
        &self,
        block: NonNull<u8>,
        size: usize,
        resize: impl FnOnce() -> Option<NonNull<u8>>,
    ) -> Option<NonNull<u8>> {
        let before = self.bytes_of(block);
        // Once it has moved, somebody else may get its old place.
        let taken = self.take(block);
        let resized = resize();
        let after = resized.and_then(|resized| self.bytes_of(resized));
        if resized.is_none() || (resized, after) == (Some(block), before) {
            self.put_back(taken);
        } else {
            before.into_iter().for_each(|bytes| self.remove(bytes));
            resized.zip(after).into_iter().for_each(|(block, bytes)| self.add(block, size, bytes));
        }
        resized
    }

    fn add(&self, block: NonNull<u8>, size: usize, bytes: usize) {
        if let Some(counts) = &self.seen.counts {
            counts.add(bytes);
        }
        if let Some(profile) = self.seen.profile() {
            profile.allocated(block, size);
        }
    }

    fn remove(&self, bytes: usize) {
        if let Some(counts) = &self.seen.counts {
            counts.remove(bytes);
        }
    }

    /// Has the profile forget a block for now.
    fn take(&self, block: NonNull<u8>) -> Option<Taken> {
        self.seen.profile()?.take(block)
    }

    fn put_back(&self, taken: Option<Taken>) {
        if let (Some(profile), Some(taken)) = (self.seen.profile(), taken) {
            profile.put_back(taken);
        }
    }

    /// Bytes that a block takes, if it is one of this heap.
    fn bytes_of(&self, block: NonNull<u8>) -> Option<usize> {
        self.heap.room_of(self.heap.offset_of(block)?)
    }
}
