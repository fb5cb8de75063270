//! The managed bytes as granules, and all access to them.
//!
//! ```text
//!   0      4        36        first                              end
//!   │ dump │ heads  │ edges   │ blocks …                         │
//! ```
//!
//! Where more memory was joined, the edges stand at its end, and blocks where they were:
//!
//! ```text
//!   0      4        36 first                            end
//!   │ dump │ heads  │ blocks …                          │ edges │
//! ```
//!
//! - *Dump*: where the first free block of a list, and links that make no sense, lead to.
//! - *Heads*: the first free block of each bin, as a number of 32 bits.
//! - *Edges*: a bit for each granule and one more, set where a free block begins or ends.
//!
//! A free block begins with the words {next block, length, where the word stands that names
//! this block}, and ends with the word {length}. One of a single granule is in no list and
//! says its length only.
//!
//! Invariant: `base` is aligned to a granule and valid for reads and writes of `end`
//! granules; it is null if these are none, and then nobody asks for an address. `edges` is as
//! valid for a bit for each of them and one more. Nobody else uses the edges, what is below
//! `first`, and free blocks; but anything may be written there, so what is read is bounded
//! before it is used.

use core::ptr::{self, NonNull};

use super::bins::BINS;

/// Bytes of a granule; every block is a whole number of them.
pub(super) const GRANULE: usize = 8;

/// Granules of the smallest block that a list can hold.
pub(super) const LEAST: u32 = 2;

/// Such that words of 32 bits can be counted in 32 bits.
const MOST: usize = i32::MAX as usize;

/// Words before the heads.
const HEADS: u32 = 8;
/// Granules before the edges, or the blocks.
const FRONT: u32 = (HEADS + BINS) / 2;
const BITS: u32 = usize::BITS;

/// Granules that the edges of so many take.
const fn edges_of(granules: u32) -> u32 {
    granules / 64 + 1
}

/// The memory of a heap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Granules {
    base: *mut u8,
    edges: *mut usize,
    first: u32,
    end: u32,
}

impl Granules {
    /// None at all. In bits it is nothing but zeroes: a static array with such a heap takes
    /// no room in an image.
    pub(super) const NONE: Self =
        Self { base: ptr::null_mut(), edges: ptr::null_mut(), first: 0, end: 0 };

    /// `memory` with no block in it; `None` if it has no room for one.
    ///
    /// # Safety
    ///
    /// `memory` is valid for reads and writes as long as this is used, and nobody else's.
    pub(super) unsafe fn new(memory: NonNull<[u8]>) -> Option<Self> {
        let start = memory.cast::<u8>();
        let skipped = start.align_offset(GRANULE);
        let end = (memory.len().checked_sub(skipped)? / GRANULE).min(MOST) as u32;
        let first = FRONT + edges_of(end);
        if end < first + LEAST {
            return None;
        }
        // SAFETY: the memory has `skipped` bytes and more.
        let base = unsafe { start.add(skipped) };
        // SAFETY: the granules below `first` are within the memory.
        unsafe { base.write_bytes(0, first as usize * GRANULE) };
        // SAFETY: so are the edges.
        let edges = unsafe { base.add(FRONT as usize * GRANULE) }.cast::<usize>();
        Some(Self { base: base.as_ptr(), edges: edges.as_ptr(), first, end })
    }

    /// The same numbers, with the memory elsewhere.
    pub(super) fn move_to(&mut self, base: NonNull<u8>) {
        // Also where the address is the same: a pointer from before may no longer be used.
        let edges_at = self.edges.addr().wrapping_sub(self.base.addr());
        self.base = base.as_ptr();
        self.edges = self.base.wrapping_add(edges_at).cast();
    }

    /// Takes in memory that begins where this ends; the runs of granules that are free by that,
    /// each as its first one and how many. `None` if it is elsewhere, or of no use.
    ///
    /// # Safety
    ///
    /// As for [`new`](Self::new); and if it is where this ends, `base` is valid for it.
    pub(super) unsafe fn join(&mut self, memory: NonNull<[u8]>) -> Option<[(u32, u32); 2]> {
        let known = self.known()?;
        let behind = self.base.addr().wrapping_add(known as usize * GRANULE);
        if memory.cast::<u8>().addr().get() != behind {
            return None;
        }
        let all = (memory.len() / GRANULE).checked_add(known as usize).filter(|&it| it <= MOST)?;
        let end = all as u32 - edges_of(all as u32);
        if end < known + LEAST {
            return None;
        }
        let parts = [(FRONT, self.first - FRONT), (self.end, end - self.end)];
        // SAFETY: this is the end of what is joined, behind the old edges.
        unsafe { self.move_edges(all as u32 - edges_of(end), end) };
        (self.first, self.end) = (FRONT, end);
        Some(parts)
    }

    /// Granules up to where the memory ends, as far as it is used; `None` if there are none.
    fn known(&self) -> Option<u32> {
        let edges_at = (self.edges.addr() - self.base.addr()) / GRANULE;
        let are_last = edges_at >= self.end as usize;
        let known = if are_last { edges_at as u32 + edges_of(self.end) } else { self.end };
        (self.end != 0).then_some(known)
    }

    /// Has the edges stand at granule `at`, for `end` granules.
    ///
    /// # Safety
    ///
    /// `base` is valid for so many edges there, of which the old ones have none.
    unsafe fn move_edges(&mut self, at: u32, end: u32) {
        let edges = self.base.wrapping_add(at as usize * GRANULE);
        // SAFETY: passed on from the caller.
        unsafe { edges.write_bytes(0, edges_of(end) as usize * GRANULE) };
        let old = edges_of(self.end) as usize * GRANULE;
        // SAFETY: as above; there were fewer before.
        unsafe { edges.copy_from_nonoverlapping(self.edges.cast(), old) };
        self.edges = edges.cast();
    }

    #[inline]
    pub(super) fn first(&self) -> u32 {
        self.first
    }

    #[inline]
    pub(super) const fn end(&self) -> u32 {
        self.end
    }

    /// The granule that begins at an address, if a block may.
    #[inline]
    pub(super) fn number(&self, at: NonNull<u8>) -> Option<u32> {
        let distance = at.addr().get().wrapping_sub(self.base.addr());
        let number = distance / GRANULE;
        let blocks = self.first as usize..self.end as usize;
        (distance.is_multiple_of(GRANULE) && blocks.contains(&number)).then_some(number as u32)
    }

    /// Where granule `at`, which is not behind the end, begins.
    #[inline]
    pub(super) fn address(&self, at: u32) -> NonNull<u8> {
        debug_assert!(at <= self.end && self.end != 0);
        // SAFETY: within the memory or one past its end, and there is some.
        unsafe { NonNull::new_unchecked(self.base.add(at as usize * GRANULE)) }
    }

    #[inline]
    fn word(&self, at: u32) -> *mut u32 {
        debug_assert!(at < 2 * self.end);
        // SAFETY: `at` was bounded by the caller, all of which are in this file.
        unsafe { self.base.cast::<u32>().add(at as usize) }
    }

    #[inline]
    fn read(&self, at: u32) -> u32 {
        // SAFETY: a word of the memory.
        unsafe { self.word(at).read() }
    }

    #[inline]
    fn write(&mut self, at: u32, value: u32) {
        // SAFETY: a word of the memory, which is this heap's.
        unsafe { self.word(at).write(value) }
    }

    /// What a link leads to, if a block of `n` granules (fewer than there are) can be there;
    /// 0 if not.
    #[inline]
    fn block(&self, link: u32, n: u32) -> u32 {
        let places = self.end - self.first - n;
        if link.wrapping_sub(self.first) <= places { link } else { 0 }
    }

    /// What a bin begins with; 0 for nothing.
    #[inline]
    pub(super) fn head(&self, bin: u32) -> u32 {
        self.block(self.read(HEADS + bin % BINS), LEAST)
    }

    /// What comes after a block in its list; 0 for nothing.
    #[inline]
    pub(super) fn next(&self, block: u32) -> u32 {
        self.next_of(block, LEAST)
    }

    /// What comes after a block in a list of those that have `n` granules; 0 for nothing.
    #[inline]
    pub(super) fn next_of(&self, block: u32, n: u32) -> u32 {
        self.block(self.read(2 * block), n)
    }

    /// Has `next` come after a block that is in none of the bins.
    #[inline]
    pub(super) fn set_next(&mut self, block: u32, next: u32) {
        self.write(2 * block, next);
    }

    /// The length of the free block that begins with granule `at`.
    #[inline]
    pub(super) fn len_from(&self, at: u32) -> u32 {
        self.read(2 * at + 1).min(self.end - at)
    }

    /// The length of the free block that ends with granule `last`.
    #[inline]
    pub(super) fn len_to(&self, last: u32) -> u32 {
        self.read(2 * last + 1).min(last + 1 - self.first)
    }

    /// Notes the length of a free block where it begins and where it ends.
    #[inline]
    pub(super) fn set_len(&mut self, block: u32, len: u32) {
        self.write(2 * block + 1, len);
        self.write(2 * (block + len) - 1, len);
    }

    /// Has a bin begin with `block`.
    #[inline]
    pub(super) fn push(&mut self, bin: u32, block: u32) {
        let head = HEADS + bin % BINS;
        let next = self.head(bin);
        self.write(2 * block, next);
        self.write(2 * block + 2, head);
        self.write(2 * next + 2, 2 * block);
        self.write(head, block);
    }

    /// Takes a block out of its list; a bit for the bin, if that is empty now.
    #[inline]
    pub(super) fn unlink(&mut self, block: u32) -> u64 {
        let next = self.next(block);
        let named_by = self.named_by(block);
        // Only what names the block is changed, wherever it says that this is.
        if self.read(named_by) == block {
            self.write(named_by, next);
        }
        self.write(2 * next + 2, named_by);
        let bin = named_by.wrapping_sub(HEADS);
        u64::from(next == 0 && bin < BINS) << (bin % BINS)
    }

    /// Where the word is said to be that names a listed block.
    #[inline]
    fn named_by(&self, block: u32) -> u32 {
        self.read(2 * block + 2).min(2 * self.end - 1)
    }

    /// Whether a listed block is named where it says.
    pub(super) fn is_named(&self, block: u32) -> bool {
        self.read(self.named_by(block)) == block
    }

    #[inline]
    fn bits(&self, at: u32) -> *mut usize {
        // SAFETY: the edges have a bit for `end`, too.
        unsafe { self.edges.add((at / BITS) as usize) }
    }

    /// Whether a free block begins or ends with granule `at`.
    #[inline]
    pub(super) fn is_edge(&self, at: u32) -> bool {
        // SAFETY: a word of the edges.
        unsafe { self.bits(at).read() >> (at % BITS) & 1 != 0 }
    }

    #[inline]
    pub(super) fn set_edge(&mut self, at: u32) {
        let bits = self.bits(at);
        // SAFETY: a word of the edges, which are this heap's.
        unsafe { bits.write(bits.read() | 1 << (at % BITS)) };
    }

    #[inline]
    pub(super) fn clear_edge(&mut self, at: u32) {
        let bits = self.bits(at);
        // SAFETY: a word of the edges, which are this heap's.
        unsafe { bits.write(bits.read() & !(1 << (at % BITS))) };
    }
}
