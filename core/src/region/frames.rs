//! The memory that pages are in: blocks of one or more pages each.
//!
//! # Invariants
//!
//! - A chunk's home is written by whoever provides memory for the first of its pages, before
//!   any of them is ready, and is not written again until none of them is.
//! - A chunk of several pages counts those that have memory, under the lock of all chunks; a
//!   chunk of one page belongs to whoever provides for the page.

use core::alloc::Layout;

use super::table::Home;
use super::{Geometry, Run};
use crate::memory::{Address, Memory, MemoryError};
use crate::sync::SpinLock;
use crate::sync::atomic::{AtomicU32, Ordering};

/// How the pages of a region are put into blocks of its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blocks {
    /// All are in one block, which is there while any page is: they follow one another.
    #[default]
    One,
    /// So many each, rounded up to a power of two.
    Of(usize),
    /// Each page is one.
    PerPage,
}

impl Blocks {
    /// Pages of a chunk, as a power of two.
    pub(super) const fn shift(self, pages: usize) -> u32 {
        let chunk = match self {
            Self::One => pages,
            Self::Of(some) if some < pages => some,
            Self::Of(_) => pages,
            Self::PerPage => 1,
        };
        match chunk.checked_next_power_of_two() {
            Some(chunk) => chunk.trailing_zeros(),
            None => usize::BITS - 1,
        }
    }
}

/// Blocks are aligned like their pages, but no more than this.
const MOST_ALIGNED: usize = 4096;

/// The blocks of a region.
pub(super) struct Frames<'r, M: Memory> {
    pub(super) memory: &'r M,
    pub(super) geometry: Geometry,
    pub(super) shift: u32,
    pub(super) lock: SpinLock<'r>,
    pub(super) homes: &'r [Home<M::Address>],
    pub(super) counts: &'r [AtomicU32],
}

impl<M: Memory> Frames<'_, M> {
    /// Provides memory for pages of a group, all or none. The caller changes them.
    pub(super) fn provide(&self, group: usize, pages: u64) -> Result<(), MemoryError> {
        let mut done = 0;
        for (chunk, part) in self.chunks(group, pages) {
            if let Err(error) = self.join(chunk, part.count_ones()) {
                self.withdraw(group, done);
                return Err(error);
            }
            done |= part;
        }
        Ok(())
    }

    /// Takes away the memory of pages of a group. The caller changes them.
    pub(super) fn withdraw(&self, group: usize, pages: u64) {
        for (chunk, part) in self.chunks(group, pages) {
            self.leave(chunk, part.count_ones());
        }
    }

    /// Where the pages of `run` are, and how many bytes of them from the first on.
    ///
    /// # Safety
    ///
    /// There is memory for the first of them as long as this runs.
    #[inline]
    pub(super) unsafe fn find(&self, run: Run) -> (M::Address, usize) {
        let chunk = run.first >> self.shift;
        let first = chunk << self.shift;
        let len = run.len.min((1 << self.shift) - (run.first - first));
        // SAFETY: the home was written before the page was ready, and stays as it is while it
        // is.
        let base = unsafe { (*self.homes[chunk].get()).assume_init() };
        let bytes = self.geometry.bytes_of(Run { first: run.first, len });
        (base.byte_add(bytes.start - first * self.geometry.page_size()), bytes.len())
    }

    /// The chunks that pages of a group are in, and which pages those are.
    fn chunks(&self, group: usize, pages: u64) -> impl Iterator<Item = (usize, u64)> {
        let mut left = pages;
        core::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let chunk = (group * 64 + left.trailing_zeros() as usize) >> self.shift;
            let end = ((chunk + 1) << self.shift).saturating_sub(group * 64);
            let part = if end < 64 { left & ((1 << end) - 1) } else { left };
            left &= !part;
            Some((chunk, part))
        })
    }

    /// Counts more pages of a chunk, with memory for it if they are the first.
    fn join(&self, chunk: usize, pages: u32) -> Result<(), MemoryError> {
        let Some(count) = self.counts.get(chunk) else { return self.allocate(chunk) };
        let _locked = self.lock.lock();
        let before = count.load(Ordering::Relaxed);
        if before == 0 {
            self.allocate(chunk)?;
        }
        count.store(before + pages, Ordering::Relaxed);
        Ok(())
    }

    /// Counts less pages of a chunk, and frees it if they were the last.
    fn leave(&self, chunk: usize, pages: u32) {
        let Some(count) = self.counts.get(chunk) else { return self.free(chunk) };
        let _locked = self.lock.lock();
        let left = count.load(Ordering::Relaxed) - pages;
        count.store(left, Ordering::Relaxed);
        if left == 0 {
            self.free(chunk);
        }
    }

    fn allocate(&self, chunk: usize) -> Result<(), MemoryError> {
        let address = self.memory.allocate(self.layout(chunk)?)?;
        // SAFETY: none of its pages is ready, and nobody else provides for the first.
        unsafe { (*self.homes[chunk].get()).write(address) };
        Ok(())
    }

    fn free(&self, chunk: usize) {
        let Ok(layout) = self.layout(chunk) else { return };
        // SAFETY: it was written when the chunk was allocated, and none of its pages is ready.
        let address = unsafe { (*self.homes[chunk].get()).assume_init() };
        // SAFETY: allocated with that layout, and nobody uses a page that is not ready.
        unsafe { self.memory.free(address, layout) };
    }

    fn layout(&self, chunk: usize) -> Result<Layout, MemoryError> {
        let pages = Run { first: chunk << self.shift, len: 1 << self.shift };
        let size = self.geometry.bytes_of(pages).len();
        Layout::from_size_align(size, self.geometry.page_size().min(MOST_ALIGNED))
            .map_err(|_| MemoryError::OutOfMemory { requested: size })
    }
}
