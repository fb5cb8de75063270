//! One bit a slab.

use core::sync::atomic::Ordering;

use crate::offset::Offset;
use crate::sync::{Arena, AtomicInt, Atomics};

const WORD: usize = size_of::<usize>();
pub(super) const BITS: usize = usize::BITS as usize;

/// A bitmap with one bit a slab, changed by anyone.
///
/// Nothing is ordered by it: what a bit says holds for slabs that the caller
/// has, or is a hint.
#[derive(Debug)]
pub struct SlabBits<'a, M: Arena> {
    arena: &'a M,
    at: Offset,
}

impl<M: Arena> Clone for SlabBits<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Arena> Copy for SlabBits<'_, M> {}

impl<'a, M: Arena> SlabBits<'a, M> {
    /// The bitmap that starts at `at`.
    #[must_use]
    pub const fn new(arena: &'a M, at: Offset) -> Self {
        Self { arena, at }
    }

    /// Word number `index`.
    #[must_use]
    pub fn word(&self, index: usize) -> &'a <M::A as Atomics>::Word {
        self.arena.word(self.at.add(index * WORD))
    }

    /// The bit of a slab.
    #[must_use]
    pub fn get(&self, slab: usize) -> bool {
        self.word(slab / BITS).load(Ordering::Relaxed) & 1 << (slab % BITS) != 0
    }

    /// Whether all bits of slabs `first..first + count` are set.
    #[must_use]
    pub fn all(&self, first: usize, count: usize) -> bool {
        let set = |(index, mask)| self.word(index).load(Ordering::Relaxed) & mask == mask;
        masks(first, count).all(set)
    }

    /// Whether any bit of slabs `first..first + count` is set.
    #[must_use]
    pub fn any(&self, first: usize, count: usize) -> bool {
        let set = |(index, mask)| self.word(index).load(Ordering::Relaxed) & mask != 0;
        masks(first, count).any(set)
    }

    /// Sets the bits of slabs `first..first + count`.
    pub fn set(&self, first: usize, count: usize) {
        for (index, mask) in masks(first, count) {
            self.word(index).fetch_or(mask, Ordering::Relaxed);
        }
    }

    /// Clears the bits of slabs `first..first + count`.
    pub fn clear(&self, first: usize, count: usize) {
        for (index, mask) in masks(first, count) {
            self.word(index).fetch_and(!mask, Ordering::Relaxed);
        }
    }

    /// Has the bits `wrong` of word number `index` be as they are in `bits`.
    pub(super) fn correct(&self, index: usize, wrong: usize, bits: usize) {
        let (set, cleared) = (wrong & bits, wrong & !bits);
        if set != 0 {
            self.word(index).fetch_or(set, Ordering::Relaxed);
        }
        if cleared != 0 {
            self.word(index).fetch_and(!cleared, Ordering::Relaxed);
        }
    }
}

/// The bits `low..high` of a word, as far as it has them; it has bit `low`.
pub(crate) const fn mask(low: usize, high: usize) -> usize {
    let up_to = if high >= BITS { usize::MAX } else { (1 << high) - 1 };
    up_to & (usize::MAX << low)
}

/// The bitmap words that `first..first + count` touches, each with its bits.
pub(crate) fn masks(first: usize, count: usize) -> impl Iterator<Item = (usize, usize)> {
    let end = first + count;
    (first / BITS..end.div_ceil(BITS)).map(move |index| {
        let base = index * BITS;
        (index, mask(first.saturating_sub(base), (end - base).min(BITS)))
    })
}
