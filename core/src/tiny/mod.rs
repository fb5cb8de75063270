//! Heaps of a few KiB to a few MiB in one address space: bounded steps, no header on
//! blocks.

mod bins;
mod granules;
mod steps;

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

pub use steps::{Counted, Steps, Uncounted};

use bins::{Occupied, bin_for, bin_of};
use granules::{GRANULE, Granules};

use crate::allocator::FreeError;

/// Set in the link of a free block of one granule.
const LONE: u32 = 1 << 31;

/// A heap for one address space.
#[derive(Debug)]
pub struct TinyHeap<S: Steps = Uncounted> {
    granules: Granules,
    occupied: Occupied,
    used: u32,
    peak: u32,
    /// What was counted.
    pub steps: S,
}

// SAFETY: the heap owns its memory.
unsafe impl<S: Steps + Send> Send for TinyHeap<S> {}

/// The memory is too small for a heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooSmall {
    /// Its bytes.
    pub len: usize,
}

impl fmt::Display for TooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes are too few for a heap", self.len)
    }
}

impl core::error::Error for TooSmall {}

/// What a heap holds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TinyStats {
    /// Bytes that blocks can have altogether.
    pub capacity: usize,
    /// Bytes of blocks in use, rounded up to granules.
    pub used: usize,
    /// The most that was ever in use.
    pub peak: usize,
}

impl TinyStats {
    /// Bytes that are free.
    #[must_use]
    pub fn free(&self) -> usize {
        self.capacity - self.used
    }
}

impl TinyHeap {
    /// A heap with no memory, which can serve nothing.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            granules: Granules::NONE,
            occupied: Occupied::NONE,
            used: 0,
            peak: 0,
            steps: Uncounted,
        }
    }
}

impl<S: Steps> TinyHeap<S> {
    /// A heap in `memory`; whatever was there is lost.
    ///
    /// # Errors
    ///
    /// The memory has no room for the metadata and a block.
    ///
    /// # Safety
    ///
    /// `memory` is valid for reads and writes for as long as the heap or a block of it is
    /// used, and nobody else uses it.
    pub unsafe fn new(memory: NonNull<[u8]>) -> Result<Self, TooSmall> {
        // SAFETY: passed on from the caller.
        let granules = unsafe { Granules::new(memory) }.ok_or(TooSmall { len: memory.len() })?;
        let steps = S::default();
        let mut heap = Self { granules, occupied: Occupied::NONE, used: 0, peak: 0, steps };
        heap.insert(granules.first(), granules.end() - granules.first());
        Ok(heap)
    }

    /// Whether the heap has memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.granules.end() == 0
    }

    /// Whether `at` is an address of this heap's blocks.
    #[must_use]
    pub fn owns(&self, at: NonNull<u8>) -> bool {
        self.granules.number(at).is_some()
    }

    /// Allocates a block; `None` if there is no room.
    pub fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let n = granules_of(layout.size())?;
        let align = u32::try_from(layout.align() / GRANULE).ok()?.max(1);
        let room = n.checked_add(align - 1)?;
        if room >= self.granules.end() {
            return None;
        }
        let bin = self.occupied.at_least(bin_for(room))?;
        let block = self.granules.head(bin);
        let len = self.size_from(block);
        self.steps.step();
        if len < room || len > self.granules.end() - block {
            return None;
        }
        self.unlink(block, len);
        // SAFETY: a block's number.
        let address = unsafe { self.granules.address(block) };
        let skipped = (address.align_offset(layout.align()) / GRANULE) as u32;
        let at = block + skipped;
        if skipped != 0 {
            self.insert(block, skipped);
        }
        if at + n < block + len {
            self.insert(at + n, block + len - at - n);
        }
        self.used += n;
        self.peak = self.peak.max(self.used);
        // SAFETY: within the block.
        Some(unsafe { self.granules.address(at) })
    }

    /// Frees a block.
    ///
    /// # Errors
    ///
    /// What was wrong with it, if that could be seen.
    ///
    /// # Safety
    ///
    /// `at` is a live block of this heap that was asked for with `layout`.
    pub unsafe fn free(&mut self, at: NonNull<u8>, layout: Layout) -> Result<(), FreeError> {
        let mut start = self.granules.number(at).ok_or(FreeError::Outside)?;
        let n = granules_of(layout.size()).ok_or(FreeError::NotABlock)?;
        if n > self.granules.end() - start {
            return Err(FreeError::NotABlock);
        }
        if self.granules.edge(start) {
            return Err(FreeError::DoubleFree);
        }
        let mut end = start + n;
        if self.granules.edge(start - 1) {
            let len = self.size_to(start - 1);
            if len <= start - self.granules.first() {
                start -= len;
                self.unlink(start, len);
            }
        }
        if self.granules.edge(end) {
            let len = self.size_from(end);
            if len <= self.granules.end() - end {
                self.unlink(end, len);
                end += len;
            }
        }
        self.insert(start, end - start);
        self.used -= n;
        Ok(())
    }

    /// Makes a block larger or smaller where it stands; whether it could.
    ///
    /// # Safety
    ///
    /// `at` is a live block of this heap that was asked for with `layout`; if this is so,
    /// its size is `new_size` from then on.
    pub unsafe fn resize(&mut self, at: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        let _ = at;
        let (old, new) = (granules_of(layout.size()), granules_of(new_size));
        old.is_some() && old == new
    }

    /// What the heap holds.
    #[must_use]
    pub fn stats(&self) -> TinyStats {
        TinyStats {
            capacity: (self.granules.end() - self.granules.first()) as usize * GRANULE,
            used: self.used as usize * GRANULE,
            peak: self.peak as usize * GRANULE,
        }
    }

    fn size_from(&self, block: u32) -> u32 {
        if self.granules.read(block, 0) & LONE != 0 { 1 } else { self.granules.read(block + 1, 1) }
    }

    fn size_to(&self, last: u32) -> u32 {
        let word = self.granules.read(last, 0);
        if word & LONE != 0 { 1 } else { word }
    }

    fn insert(&mut self, block: u32, len: u32) {
        self.steps.step();
        let bin = bin_of(len);
        let next = self.granules.head(bin);
        let flag = if len == 1 { LONE } else { 0 };
        self.granules.write(block, 0, next | flag);
        self.granules.write(block, 1, 0);
        if len > 1 {
            self.granules.write(block + 1, 1, len);
            self.granules.write(block + len - 1, 0, len);
        }
        // Block of two: the size stands in both halves of the second granule.
        self.granules.write(next, 1, block);
        self.granules.set_head(bin, block);
        self.granules.set_edge(block);
        self.granules.set_edge(block + len - 1);
        self.occupied.set(bin);
    }

    fn unlink(&mut self, block: u32, len: u32) {
        self.steps.step();
        let bin = bin_of(len);
        let flag = if len == 1 { LONE } else { 0 };
        let next = self.granules.read(block, 0) & !LONE;
        let previous = self.granules.read(block, 1);
        self.granules.write(next, 1, previous);
        if self.granules.holds(previous) {
            self.granules.write(previous, 0, next | flag);
        } else {
            self.granules.set_head(bin, next);
            if next == 0 {
                self.occupied.clear(bin);
            }
        }
        self.granules.clear_edge(block);
        self.granules.clear_edge(block + len - 1);
    }
}

fn granules_of(size: usize) -> Option<u32> {
    u32::try_from(size.div_ceil(GRANULE).max(1)).ok()
}
