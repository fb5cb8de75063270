//! One bit a block, in words that whoever reads them knows the meaning of: a set
//! bit is a free block in the bitmaps of a slot's run, a taken one in
//! [`TakenBits`](super::TakenBits).

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
}
