//! Heaps of a few KiB to a few MiB in one address space: a fixed number of steps, no header
//! on blocks.
//!
//! What it guarantees:
//!
//! - [`allocate`](TinyHeap::allocate), [`free`](TinyHeap::free) and
//!   [`resize`](TinyHeap::resize) do [`MOST_STEPS`](TinyHeap::MOST_STEPS) steps at most,
//!   however large the heap is and whatever happened before.
//! - Nothing panics. Where there is no room, there is no block.
//! - Whatever is written into its memory, by who writes past the end of a block or uses one
//!   that it has freed, the heap itself reads and writes nothing outside of that memory, and
//!   all its blocks are inside.
//!
//! # Algorithm
//!
//! A good fit of segregated lists, as in TLSF (Masmano, Ripoll, Crespo, Real: *TLSF: a new
//! dynamic memory allocator for real-time systems*, ECRTS 2004), with three differences:
//!
//! - **No headers.** Whoever frees a block knows its layout, so a block in use needs none. A
//!   bitmap beside the blocks tells where free ones begin and end (1 bit for 8 bytes); in
//!   their own memory they tell how long they are. So neighbours are found and merged.
//! - **A look at the bin itself.** Rounding the size up to the next bin, as TLSF does, finds a
//!   block that is surely large enough, and misses those that happen to be. The first block
//!   of the size's own bin is tried before, and a few more of them when there is nothing
//!   else.
//! - **Kept blocks.** As long as half of the memory is free, up to 128 small blocks (one for
//!   each KiB of memory) stay as they are when they are freed, for the next who asks for that
//!   size.

mod bins;
mod check;
mod error;
mod free_blocks;
mod granules;
mod kept;
mod stats;
mod steps;

pub use error::TooSmall;
pub use stats::TinyStats;
pub use steps::{Counted, Steps, Uncounted};

use core::alloc::Layout;
use core::mem;
use core::ptr::NonNull;

use free_blocks::{FreeBlocks, PROBES};
use granules::{GRANULE, Granules, LEAST};
use kept::Kept;

use crate::allocator::FreeError;

/// A heap for one address space, with a lock around it or for one thread.
///
/// The memory holds a bitmap (1/64 of it), 288 bytes of list heads, and the blocks. Blocks are
/// multiples of 8 bytes, 16 at least. At most 16 GiB are used.
///
/// ```
/// use anymem_core::tiny::TinyHeap;
/// use core::alloc::Layout;
/// use core::ptr::NonNull;
///
/// let mut memory = [0_u8; 4096];
/// // SAFETY: the array outlives the heap, and is not used otherwise.
/// let mut heap: TinyHeap = unsafe { TinyHeap::new(NonNull::from(memory.as_mut_slice()))? };
/// let layout = Layout::new::<[u32; 100]>();
/// let block = heap.allocate(layout).expect("there is room");
/// // SAFETY: just allocated with that layout.
/// unsafe { heap.free(block, layout)? };
/// assert!(heap.allocate(Layout::new::<[u8; 4096]>()).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TinyHeap<S: Steps = Uncounted> {
    free: FreeBlocks<S>,
    kept: Kept,
    /// Granules in use. Whoever frees a block with a wrong layout has it wrong.
    used: u32,
    peak: u32,
}

// SAFETY: the heap alone uses its memory; see `new`.
unsafe impl<S: Steps + Send> Send for TinyHeap<S> {}

impl TinyHeap {
    /// A heap with no memory, which can serve nothing.
    #[must_use]
    pub const fn empty() -> Self {
        Self::of(Granules::NONE, Uncounted)
    }
}

impl<S: Steps> TinyHeap<S> {
    /// No call takes more steps. Most take a handful; many are needed only where all blocks
    /// that are kept have to be given back first.
    pub const MOST_STEPS: u32 = 3 * kept::MOST + 2 * (PROBES + bins::BINS + 2) + 3;

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
        let mut heap = Self::of(granules, S::default());
        heap.free.give(granules.first(), granules.end() - granules.first());
        Ok(heap)
    }

    /// Takes in memory that begins where the heap's ends; whether it did. Whatever was there
    /// is lost. A block may reach from the one into the other then.
    ///
    /// The bitmap moves to the new end, so it takes time in proportion to the whole memory.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new). If the memory is where the heap's ends, both are parts of
    /// one object, or of memory in which this program has none, as a boot loader tells of it.
    pub unsafe fn join(&mut self, memory: NonNull<[u8]>) -> bool {
        // SAFETY: passed on from the caller.
        let Some(free) = (unsafe { self.free.granules.join(memory) }) else { return false };
        for (start, n) in free.into_iter().filter(|&(_, n)| n != 0) {
            self.free.give(start, n);
        }
        self.kept.widen(self.free.granules.end());
        true
    }

    const fn of(granules: Granules, steps: S) -> Self {
        let kept = Kept::of(granules.end());
        Self { free: FreeBlocks { granules, occupied: 0, steps }, kept, used: 0, peak: 0 }
    }

    /// Whether the heap has no memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.free.granules.end() == 0
    }

    /// Whether a block of this heap may begin at `at`.
    #[must_use]
    pub fn owns(&self, at: NonNull<u8>) -> bool {
        self.free.granules.number(at).is_some()
    }

    /// Allocates a block; `None` if there is no room.
    ///
    /// Any alignment may be asked for; zero bytes get a block of their own.
    #[inline]
    pub fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let n = granules_of(layout.size())?;
        let align = u32::try_from(layout.align().div_ceil(GRANULE)).ok()?;
        let kept = if align == 1 { self.kept.pop(&self.free.granules, n) } else { None };
        let block = match kept {
            Some(block) => block,
            None => self.cut(n, align)?,
        };
        self.used = self.used.wrapping_add(n);
        self.peak = self.peak.max(self.used);
        Some(self.free.granules.address(block))
    }

    /// Frees a block.
    ///
    /// # Errors
    ///
    /// What was wrong with it, if that could be seen; the heap is as it was then.
    ///
    /// # Safety
    ///
    /// `at` is a live block of this heap that was asked for with `layout`, and is not used
    /// afterwards.
    #[inline]
    pub unsafe fn free(&mut self, at: NonNull<u8>, layout: Layout) -> Result<(), FreeError> {
        let (start, n) = self.block_at(at, layout)?;
        self.used = self.used.wrapping_sub(n);
        if self.used > self.free.granules.end() / 2 {
            self.give_back_one();
        } else if self.kept.push(&mut self.free.granules, start, n) {
            return Ok(());
        }
        self.free.give(start, n);
        Ok(())
    }

    /// Makes a block larger or smaller where it stands; whether it could.
    ///
    /// It can become smaller always, and larger where enough is free behind it.
    ///
    /// # Safety
    ///
    /// `at` is a live block of this heap that was asked for with `layout`. If this returns
    /// true, `new_size` is what it was asked for from then on.
    pub unsafe fn resize(&mut self, at: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        let (Ok((start, old)), Some(new)) = (self.block_at(at, layout), granules_of(new_size))
        else {
            return false;
        };
        if new < old {
            self.free.give(start + new, old - new);
        } else if new > old && !self.free.take_at(start + old, new - old) {
            return false;
        }
        self.used = self.used.wrapping_add(new).wrapping_sub(old);
        self.peak = self.peak.max(self.used);
        true
    }

    /// What was counted since the last call.
    pub fn take_steps(&mut self) -> S {
        mem::take(&mut self.free.steps)
    }

    /// Has the memory, with all that is in it, be elsewhere from now on.
    ///
    /// # Safety
    ///
    /// The memory was moved to `start`, which is aligned to 8 bytes, as the old start was.
    pub(crate) unsafe fn move_to(&mut self, start: NonNull<u8>) {
        self.free.granules.move_to(start);
    }

    /// Where a block begins, in granules, and how many it has.
    #[inline]
    fn block_at(&self, at: NonNull<u8>, layout: Layout) -> Result<(u32, u32), FreeError> {
        let granules = &self.free.granules;
        let start = granules.number(at).ok_or(FreeError::Outside)?;
        let n = granules_of(layout.size()).unwrap_or(u32::MAX);
        if n > granules.end() - start {
            return Err(FreeError::NotABlock);
        }
        if granules.is_edge(start) {
            return Err(FreeError::DoubleFree);
        }
        Ok((start, n))
    }

    #[inline]
    fn cut(&mut self, n: u32, align: u32) -> Option<u32> {
        match self.free.find(n, align) {
            Some(cut) => Some(self.free.take(cut, n)),
            None => self.cut_after_all(n, align),
        }
    }

    /// Gives all kept blocks back and looks again.
    #[cold]
    #[inline(never)]
    fn cut_after_all(&mut self, n: u32, align: u32) -> Option<u32> {
        if self.kept.count() == 0 {
            return None;
        }
        for _ in 0..kept::MOST {
            self.give_back_one();
        }
        let cut = self.free.find(n, align)?;
        Some(self.free.take(cut, n))
    }

    #[cold]
    #[inline(never)]
    fn give_back_one(&mut self) {
        if let Some((block, n)) = self.kept.pop_any(&self.free.granules) {
            self.free.give(block, n);
        }
    }
}

/// Granules of a block of `size` bytes.
#[inline]
fn granules_of(size: usize) -> Option<u32> {
    let granules = u32::try_from(size.div_ceil(GRANULE)).ok()?;
    Some(granules.max(LEAST))
}
