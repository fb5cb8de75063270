//! One bit an item, set while the item is free: the truth.
//!
//! The items are frames, or words of frames. Who clears a set bit has the item; who has it sets
//! the bit again. Several bits of a word change together or not at all.

use core::iter;
use core::ops::Range;
use core::sync::atomic::Ordering;

use super::layout::{BITS, LINE_WORDS, WORD};
use crate::offset::Offset;
use crate::page_table::mask;
use crate::sync::{Arena, AtomicInt, Atomics};

/// The order of a word: as many items as it has bits.
pub(super) const WORD_ORDER: u32 = usize::BITS.ilog2();

/// The bits of some items.
#[derive(Debug)]
pub(super) struct FreeBits<'a, M: Arena> {
    arena: &'a M,
    at: Offset,
}

impl<M: Arena> Clone for FreeBits<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Arena> Copy for FreeBits<'_, M> {}

impl<'a, M: Arena> FreeBits<'a, M> {
    #[inline]
    pub(super) const fn new(arena: &'a M, at: Offset) -> Self {
        Self { arena, at }
    }

    #[inline]
    fn word(&self, index: usize) -> &'a <M::A as Atomics>::Word {
        self.arena.word(self.at.add(index * WORD))
    }

    /// Word number `index`, as it was at some moment.
    #[inline]
    pub(super) fn look(&self, index: usize) -> usize {
        self.word(index).load(Ordering::Relaxed)
    }

    /// Whether an item was free at some moment.
    #[inline]
    pub(super) fn has(&self, item: usize) -> bool {
        self.look(item / BITS) >> (item % BITS) & 1 != 0
    }

    /// Word number `index`, seen by an update that changes nothing: each [`put`](Self::put)
    /// comes before it, or sees what its caller did before.
    pub(super) fn settle(&self, index: usize) -> usize {
        // Release: pairs with the Acquire in `put`.
        self.word(index).fetch_or(0, Ordering::Release)
    }

    /// Takes an item; whether it was free.
    #[inline]
    pub(super) fn take_one(&self, item: usize) -> bool {
        let bit = 1 << (item % BITS);
        // Acquire: as in `take`.
        self.word(item / BITS).fetch_and(!bit, Ordering::Acquire) & bit != 0
    }

    /// Frees an item; whether it was taken.
    #[inline]
    pub(super) fn put_one(&self, item: usize) -> bool {
        let bit = 1 << (item % BITS);
        // Release and Acquire: as in `put`.
        self.word(item / BITS).fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    /// Takes the items of `mask` in a word.
    ///
    /// # Errors
    ///
    /// The word that was found, if some were not free.
    #[inline]
    pub(super) fn take(&self, index: usize, mask: usize) -> Result<(), usize> {
        // Acquire: pairs with the Release in `put`; the former user's accesses come before
        // ours.
        self.update(index, Ordering::Acquire, |seen| (seen & mask == mask).then_some(seen & !mask))
    }

    /// Takes the last items that are free in a word, up to `most`; their bits.
    pub(super) fn take_some(&self, index: usize, most: usize) -> usize {
        let mut taken = 0;
        // Acquire: as in `take`. An error says that none is free, so none is taken.
        let _ = self.update(index, Ordering::Acquire, |seen| {
            taken = last_bits(seen, most);
            (taken != 0).then_some(seen & !taken)
        });
        taken
    }

    /// Frees the items of `mask` in a word, but for those that are free already; their bits.
    pub(super) fn put_all(&self, index: usize, mask: usize) -> usize {
        // Release and Acquire: as in `put`.
        self.word(index).fetch_or(mask, Ordering::AcqRel) & mask
    }

    /// Frees the items of `mask` in a word.
    ///
    /// # Errors
    ///
    /// The word that was found, if some were free already.
    #[inline]
    pub(super) fn put(&self, index: usize, mask: usize) -> Result<(), usize> {
        // Release: pairs with the Acquire in `take`. Acquire: with the Release in `settle`.
        self.update(index, Ordering::AcqRel, |seen| (seen & mask == 0).then_some(seen | mask))
    }

    #[inline]
    fn update(
        &self,
        index: usize,
        order: Ordering,
        mut change: impl FnMut(usize) -> Option<usize>,
    ) -> Result<(), usize> {
        let word = self.word(index);
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let new = change(seen).ok_or(seen)?;
            match word.compare_exchange(seen, new, order, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(found) => seen = found,
            }
        }
    }

    /// Takes the last group of `1 << order` items, a word's at most, that a line has and that
    /// ends before `end`.
    #[inline]
    pub(super) fn take_group(&self, line: usize, order: u32, end: usize) -> Option<usize> {
        let mut some = words(line).rev().filter(|index| self.look(*index) != 0);
        some.find_map(|index| self.take_among(index, below(index, end), order))
    }

    /// Takes the last group of `1 << order` items that is in `mask` of a word.
    #[inline]
    pub(super) fn take_among(&self, index: usize, mask: usize, order: u32) -> Option<usize> {
        let mut seen = self.look(index);
        // Each turn but the first, somebody else has changed the word.
        while seen & mask != 0 {
            let first = groups(seen & mask, order).checked_ilog2()?;
            match self.take(index, group(first, order)) {
                Ok(()) => return Some(index * BITS + first as usize),
                Err(found) => seen = found,
            }
        }
        None
    }

    /// Whether no item is free in some words.
    #[inline]
    pub(super) fn are_clear(&self, mut words: Range<usize>) -> bool {
        words.all(|index| self.look(index) == 0)
    }
}

/// The words of a line.
#[inline]
pub(super) fn words(line: usize) -> Range<usize> {
    line * LINE_WORDS..(line + 1) * LINE_WORDS
}

/// The bits of the items before `end` that are in word number `index`.
pub(super) const fn below(index: usize, end: usize) -> usize {
    mask(0, end.saturating_sub(index * BITS))
}

/// The first bits of the aligned groups of `1 << order` bits of `word` that are all set.
pub(super) fn groups(word: usize, order: u32) -> usize {
    let all = (0..order).fold(word, |all, doubling| all & all >> (1 << doubling));
    all & STARTS[order as usize]
}

/// The bits of the group that begins with bit `first`.
pub(super) const fn group(first: u32, order: u32) -> usize {
    if order < WORD_ORDER { ((1 << (1 << order)) - 1) << first } else { usize::MAX }
}

/// The first bit of each aligned group of an order, of a word's at most.
const STARTS: [usize; WORD_ORDER as usize + 1] = {
    let mut starts = [0; WORD_ORDER as usize + 1];
    let mut order = 0;
    while order <= WORD_ORDER {
        starts[order as usize] = usize::MAX / group(0, order);
        order += 1;
    }
    starts
};

/// The last `most` of the set bits of `word`, or all.
fn last_bits(word: usize, most: usize) -> usize {
    let many = (word.count_ones() as usize).saturating_sub(most);
    (0..many).fold(word, |left, _| left & left.wrapping_sub(1))
}

/// The numbers of the bits that are set, in ascending order.
pub(super) fn set_bits(word: usize) -> impl Iterator<Item = usize> {
    let rest = |left: &usize| Some(left & left.wrapping_sub(1));
    let all = iter::successors(Some(word), rest);
    all.take_while(|left| *left != 0).map(|left| left.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_aligned() {
        let word = 0b1111_0110;
        assert_eq!(groups(word, 0), word);
        assert_eq!(groups(word, 1), 0b0101_0000);
        assert_eq!(groups(word, 2), 0b0001_0000);
        assert_eq!(groups(word, 3), 0);
        assert_eq!(groups(usize::MAX, WORD_ORDER), 1);
        assert_eq!(group(4, 2), 0b1111_0000);
    }

    #[test]
    fn bits_are_chosen_from_the_end() {
        let word = 0b1011_0010;
        assert_eq!(last_bits(word, 2), 0b1010_0000);
        assert_eq!(last_bits(word, 9), word);
        assert!(set_bits(word).eq([1, 4, 5, 7]));
        assert!(set_bits(1 << (BITS - 1)).eq([BITS - 1]));
        assert_eq!(set_bits(0).next(), None);
    }
}
