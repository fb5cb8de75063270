//! Whoever is told of every block of an observed heap.

use core::ptr::NonNull;

use anymem_core::allocator::Allocator;

use super::ProcessHeap;
use crate::observe::Counters;

/// What is to be observed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    pub(super) counts: bool,
}

/// What an observed heap has seen so far.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) counts: Option<Counters>,
}

impl Seen {
    /// `None` if nothing is to be observed.
    pub(super) fn new(wanted: Wanted) -> Option<Self> {
        let Wanted { counts } = wanted;
        counts.then(|| Self { counts: counts.then(Counters::new) })
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
    pub fn allocated(&self, block: NonNull<u8>, size: usize) {
        if let Some(bytes) = self.bytes_of(block) {
            self.add(block, size, bytes);
        }
    }

    /// To be called just before a block is freed: once it is, somebody else may
    /// get it.
    pub fn freed(&self, block: NonNull<u8>) {
        if let Some(bytes) = self.bytes_of(block) {
            self.remove(bytes);
        }
    }

    /// Has `resize` make a block `size` bytes long, and answers where it is
    /// then; `None` if that was not possible, and the block is as it was.
    pub fn resized(
        &self,
        block: NonNull<u8>,
        size: usize,
        resize: impl FnOnce() -> Option<NonNull<u8>>,
    ) -> Option<NonNull<u8>> {
        let before = self.bytes_of(block);
        let moved = resize()?;
        let after = self.bytes_of(moved);
        if (moved, after) != (block, before) {
            before.into_iter().for_each(|bytes| self.remove(bytes));
            after.into_iter().for_each(|bytes| self.add(moved, size, bytes));
        }
        Some(moved)
    }

    fn add(&self, _block: NonNull<u8>, _size: usize, bytes: usize) {
        if let Some(counts) = &self.seen.counts {
            counts.add(bytes);
        }
    }

    fn remove(&self, bytes: usize) {
        if let Some(counts) = &self.seen.counts {
            counts.remove(bytes);
        }
    }

    /// Bytes that a block takes, if it is one of this heap.
    fn bytes_of(&self, block: NonNull<u8>) -> Option<usize> {
        self.heap.usable_size_of(self.heap.offset_of(block)?)
    }
}
