//! The managed bytes as granules, and all access to them.
//!
//! ```text
//!   0      4        36        first                              end
//!   │ dump │ heads  │ edges   │ blocks …                         │
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
//! granules. Nobody else uses those below `first`, nor free blocks; but anything may be
//! written there, so what is read is bounded before it is used.

use core::ptr::NonNull;

use super::bins::BINS;

/// Bytes of a granule; every block is a whole number of them.
pub(super) const GRANULE: usize = 8;

/// Granules of the smallest block that a list can hold.
pub(super) const LEAST: u32 = 2;

/// Such that words of 32 bits can be counted in 32 bits.
const MOST: usize = i32::MAX as usize;

/// Words before the heads.
const HEADS: u32 = 8;
/// Granules before the edges.
const EDGES: u32 = (HEADS + BINS) / 2;
const BITS: u32 = usize::BITS;

/// The memory of a heap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Granules {
    base: NonNull<u8>,
    first: u32,
    end: u32,
}

impl Granules {
    /// None at all.
    pub(super) const NONE: Self = Self { base: NonNull::dangling(), first: 0, end: 0 };

    /// `memory` with no block in it; `None` if it has no room for one.
    ///
    /// # Safety
    ///
    /// `memory` is valid for reads and writes as long as this is used, and nobody else's.
    pub(super) unsafe fn new(memory: NonNull<[u8]>) -> Option<Self> {
        let start = memory.cast::<u8>();
        let skipped = start.align_offset(GRANULE);
        let end = (memory.len().checked_sub(skipped)? / GRANULE).min(MOST) as u32;
        let first = EDGES + end / 64 + 1;
        if end < first + LEAST {
            return None;
        }
        // SAFETY: the memory has `skipped` bytes and more.
        let base = unsafe { start.add(skipped) };
        // SAFETY: the granules below `first` are within the memory.
        unsafe { base.write_bytes(0, first as usize * GRANULE) };
        Some(Self { base, first, end })
    }

    /// The same numbers, with the memory elsewhere.
    pub(super) fn move_to(&mut self, base: NonNull<u8>) {
        self.base = base;
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
        let distance = at.addr().get().wrapping_sub(self.base.addr().get());
        let number = distance / GRANULE;
        let blocks = self.first as usize..self.end as usize;
        (distance.is_multiple_of(GRANULE) && blocks.contains(&number)).then_some(number as u32)
    }

    /// Where granule `at`, which is not behind the end, begins.
    #[inline]
    pub(super) fn address(&self, at: u32) -> NonNull<u8> {
        debug_assert!(at <= self.end);
        // SAFETY: within the memory or one past its end.
        unsafe { self.base.add(at as usize * GRANULE) }
    }

    #[inline]
    fn word(&self, at: u32) -> NonNull<u32> {
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

    /// What a link leads to, if a block of `n` granules can be there; 0 if not.
    #[inline]
    fn block(&self, link: u32, n: u32) -> u32 {
        let places = (self.end - self.first).saturating_sub(n);
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

    /// Takes a block out of its list; the bin, if that is empty now.
    #[inline]
    pub(super) fn unlink(&mut self, block: u32) -> Option<u32> {
        let next = self.next(block);
        let named_by = self.read(2 * block + 2);
        let bin = named_by.wrapping_sub(HEADS);
        let named_by = if bin < BINS { named_by } else { 2 * self.block(named_by / 2, LEAST) };
        self.write(named_by, next);
        self.write(2 * next + 2, named_by);
        (next == 0 && bin < BINS).then_some(bin)
    }

    /// Whether what names a listed block is a head, or the block before it.
    pub(super) fn is_named(&self, block: u32) -> bool {
        let named_by = self.read(2 * block + 2);
        let is_head = named_by.wrapping_sub(HEADS) < BINS;
        (is_head || self.block(named_by / 2, LEAST) != 0) && self.read(named_by) == block
    }

    #[inline]
    fn bits(&self, at: u32) -> NonNull<usize> {
        // SAFETY: the edges have a bit for `end`, too.
        unsafe { self.address(EDGES).cast::<usize>().add((at / BITS) as usize) }
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
