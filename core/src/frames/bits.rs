//! One bit a frame, set while the frame is free: the truth.
//!
//! Who clears a set bit has the frame; who has it sets the bit again. Several bits of a word
//! change together or not at all.

use core::sync::atomic::Ordering;

use super::layout::{BITS, WORD};
use crate::offset::Offset;
use crate::page_table::masks;
use crate::sync::{Arena, AtomicInt, Atomics};

/// The order of a word: as many frames as it has bits.
pub(super) const WORD_ORDER: u32 = usize::BITS.ilog2();

/// The bits of `frames` frames.
#[derive(Debug)]
pub(super) struct FrameBits<'a, M: Arena> {
    arena: &'a M,
    at: Offset,
    frames: usize,
}

impl<M: Arena> Clone for FrameBits<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Arena> Copy for FrameBits<'_, M> {}

impl<'a, M: Arena> FrameBits<'a, M> {
    pub(super) const fn new(arena: &'a M, at: Offset, frames: usize) -> Self {
        Self { arena, at, frames }
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

    /// Word number `index`, seen by an update that changes nothing: each [`put`](Self::put)
    /// comes before it, or sees what its caller did before.
    pub(super) fn settle(&self, index: usize) -> usize {
        // Release: pairs with the Acquire in `put`.
        self.word(index).fetch_or(0, Ordering::Release)
    }

    /// Takes a frame; whether it was free.
    #[inline]
    pub(super) fn take_one(&self, frame: usize) -> bool {
        let bit = 1 << (frame % BITS);
        // Acquire: as in `take`.
        self.word(frame / BITS).fetch_and(!bit, Ordering::Acquire) & bit != 0
    }

    /// Frees a frame; whether it was taken.
    #[inline]
    pub(super) fn put_one(&self, frame: usize) -> bool {
        let bit = 1 << (frame % BITS);
        // Release and Acquire: as in `put`.
        self.word(frame / BITS).fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    /// Takes the frames of `mask` in a word.
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

    /// Frees the frames of `mask` in a word.
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
        change: impl Fn(usize) -> Option<usize>,
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

    /// The last run of `count` frames before `end` that are free, each of its first frame's
    /// places being what `align` makes of one.
    pub(super) fn find_run(
        &self,
        count: usize,
        align: impl Fn(usize) -> Option<usize>,
        end: usize,
    ) -> Option<usize> {
        let mut end = end.min(self.frames);
        loop {
            let top = self.last_free(end)? + 1;
            let first = align(top.checked_sub(count)?)?;
            match self.first_taken(first, count) {
                None => return Some(first),
                Some(taken) => end = taken,
            }
        }
    }

    /// The first frame of `first..first + count` that is taken.
    pub(super) fn first_taken(&self, first: usize, count: usize) -> Option<usize> {
        self.first_where(first, count, |word| !word)
    }

    /// The first frame of `first..first + count` that is free.
    pub(super) fn first_free(&self, first: usize, count: usize) -> Option<usize> {
        self.first_where(first, count, |word| word)
    }

    fn first_where(
        &self,
        first: usize,
        count: usize,
        choose: impl Fn(usize) -> usize,
    ) -> Option<usize> {
        masks(first, count).find_map(|(index, mask)| {
            let found = choose(self.look(index)) & mask;
            (found != 0).then(|| index * BITS + found.trailing_zeros() as usize)
        })
    }

    /// The last frame before `end` that is free.
    fn last_free(&self, end: usize) -> Option<usize> {
        (0..end.div_ceil(BITS)).rev().find_map(|index| {
            let found = self.look(index) & below(index, end);
            (found != 0).then(|| index * BITS + found.ilog2() as usize)
        })
    }
}

/// The bits of the frames before `end` that are in word number `index`.
pub(super) const fn below(index: usize, end: usize) -> usize {
    let left = end.saturating_sub(index * BITS);
    if left >= BITS { usize::MAX } else { (1 << left) - 1 }
}

/// The first bits of the aligned groups of `1 << order` bits of `word` that are all set.
pub(super) fn groups(word: usize, order: u32) -> usize {
    let all = (0..order).fold(word, |all, doubling| all & all >> (1 << doubling));
    all & starts(order)
}

/// The bits of the group that begins with bit `first`.
pub(super) const fn group(first: u32, order: u32) -> usize {
    if order < WORD_ORDER { ((1 << (1 << order)) - 1) << first } else { usize::MAX }
}

/// The first bit of each aligned group.
const fn starts(order: u32) -> usize {
    usize::MAX / group(0, order)
}

/// The order of the largest aligned group of set bits that `bit` is in, if it is set.
pub(super) fn order_around(word: usize, bit: usize) -> Option<u32> {
    let is_set = |order: &u32| {
        let mask = group((bit >> order << order) as u32, *order);
        word & mask == mask
    };
    (0..=WORD_ORDER).take_while(is_set).last()
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
    fn the_largest_group_around_a_bit_is_found() {
        let word = 0b1111_0110;
        assert_eq!(order_around(word, 0), None);
        assert_eq!(order_around(word, 1), Some(0));
        assert_eq!(order_around(word, 7), Some(2));
        assert_eq!(order_around(usize::MAX, 5), Some(WORD_ORDER));
    }
}
