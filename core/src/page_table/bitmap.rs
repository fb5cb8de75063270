//! The blocks of a shared slab: one bit each, taken and put back by anyone.
//!
//! # Protocol
//!
//! A set bit is a free block. Taking is `fetch_and` of one bit, which succeeds
//! if the bit was set; putting back is `fetch_or`, and a bit that was set
//! already is a double free. [`Bitmap::retire`] takes every block: whoever has
//! them all owns the slab.

use core::sync::atomic::Ordering;

use crate::offset::Offset;
use crate::sync::{Arena, AtomicInt, Atomics};

const WORD: usize = size_of::<usize>();
const BITS: usize = usize::BITS as usize;

/// A bitmap of `blocks` bits in an arena.
#[derive(Debug, Clone, Copy)]
pub struct Bitmap<'a, M: Arena> {
    arena: &'a M,
    at: Offset,
    blocks: usize,
}

impl<'a, M: Arena> Bitmap<'a, M> {
    /// The bitmap of `blocks` bits that starts at `at`.
    pub const fn new(arena: &'a M, at: Offset, blocks: usize) -> Self {
        Self { arena, at, blocks }
    }

    /// How many words it has.
    #[must_use]
    #[inline]
    pub fn words(&self) -> usize {
        self.blocks.div_ceil(BITS)
    }

    /// Word number `index`.
    #[must_use]
    #[inline]
    pub fn word(&self, index: usize) -> &'a <M::A as Atomics>::Word {
        self.arena.word(self.at.add(index * WORD))
    }

    /// Word number `index` with the bits of all its blocks set.
    #[must_use]
    #[inline]
    pub fn full(&self, index: usize) -> usize {
        match self.blocks.saturating_sub(index * BITS) {
            left if left >= BITS => usize::MAX,
            left => (1 << left) - 1,
        }
    }

    /// Sets or clears all bits; for a slab that nobody else knows.
    pub fn fill(&self, free: bool) {
        for index in 0..self.words() {
            let value = if free { self.full(index) } else { 0 };
            self.word(index).store(value, Ordering::Relaxed);
        }
    }

    /// Sets the bits of all blocks but the first, for a run that is about to be
    /// published.
    ///
    /// Takers that still look for the run that was here before may find them
    /// at once.
    pub fn open(&self) {
        for index in 0..self.words() {
            let first = usize::from(index == 0);
            // Release: pairs with the Acquire in `take_in` and `retire`; who
            // takes a bit sees that the slab was claimed since, and by whom. A
            // swap, for late takers update the word at the same time (and find
            // nothing).
            self.word(index).swap(self.full(index) & !first, Ordering::AcqRel);
        }
    }

    /// How many bits are set.
    #[must_use]
    pub fn count(&self) -> usize {
        (0..self.words())
            .map(|index| self.word(index).load(Ordering::Relaxed).count_ones() as usize)
            .sum()
    }

    /// Whether all bits are set.
    #[must_use]
    pub fn is_full(&self) -> bool {
        (0..self.words()).all(|index| self.word(index).load(Ordering::Relaxed) == self.full(index))
    }

    /// Whether a bit is set that no block has.
    #[must_use]
    pub fn has_stray_bits(&self, words: usize) -> bool {
        (0..words).any(|index| self.word(index).load(Ordering::Relaxed) & !self.full(index) != 0)
    }

    /// Whether the bit of `block` is set.
    #[must_use]
    pub fn get(&self, block: usize) -> bool {
        self.word(block / BITS).load(Ordering::Relaxed) & 1 << (block % BITS) != 0
    }

    /// Takes a free block; its number.
    pub fn take(&self) -> Option<usize> {
        (0..self.words()).find_map(|index| self.take_in(index))
    }

    fn take_in(&self, index: usize) -> Option<usize> {
        let word = self.word(index);
        let mut free = word.load(Ordering::Relaxed) & self.full(index);
        while free != 0 {
            let bit = free & free.wrapping_neg();
            // Acquire: pairs with the Release in `put` and `open`; the former
            // user's accesses come before ours.
            let before = word.fetch_and(!bit, Ordering::Acquire);
            if before & bit != 0 {
                return Some(index * BITS + bit.trailing_zeros() as usize);
            }
            free = before & self.full(index);
        }
        None
    }

    /// Puts a block back; whether it was out.
    pub fn put(&self, block: usize) -> bool {
        let bit = 1 << (block % BITS);
        // Release: as in `open`; the user's accesses come before the next one's.
        self.word(block / BITS).fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    /// Takes every block at once, if all are free.
    ///
    /// Afterwards the caller alone may use the slab. If one block is out, the
    /// others are put back.
    pub fn retire(&self) -> bool {
        for index in 0..self.words() {
            let full = self.full(index);
            // Acquire: as in `take_in`.
            let taken =
                self.word(index).compare_exchange(full, 0, Ordering::AcqRel, Ordering::Relaxed);
            if taken.is_err() {
                self.put_words(index);
                return false;
            }
        }
        true
    }

    /// Puts every block back that [`retire`](Self::retire) took.
    pub fn put_all(&self) {
        self.put_words(self.words());
    }

    fn put_words(&self, words: usize) {
        for index in 0..words {
            // Release: as in `put`.
            self.word(index).fetch_or(self.full(index), Ordering::Release);
        }
    }
}
