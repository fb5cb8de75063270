//! One bit a frame, set while the frame is free: the truth.
//!
//! Who clears a set bit has the frame; who has it sets the bit again. Several bits of a word
//! change together or not at all.

use core::iter;
use core::sync::atomic::Ordering;

use super::layout::{BITS, WORD};
use crate::offset::Offset;
use crate::page_table::{mask, masks};
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

    /// Takes the last frames that are free in a word, up to `most`; their bits.
    pub(super) fn take_some(&self, index: usize, most: usize) -> usize {
        let mut taken = 0;
        // Acquire: as in `take`. An error says that none is free, so none is taken.
        let _ = self.update(index, Ordering::Acquire, |seen| {
            taken = last_bits(seen, most);
            (taken != 0).then_some(seen & !taken)
        });
        taken
    }

    /// Frees the frames of `mask` in a word, but for those that are free already; their bits.
    pub(super) fn put_all(&self, index: usize, mask: usize) -> usize {
        // Release and Acquire: as in `put`.
        self.word(index).fetch_or(mask, Ordering::AcqRel) & mask
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
        assert!(set_bits(0).eq([]));
    }
}
