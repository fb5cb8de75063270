//! How runs of frames lie in the two bitmaps.

use super::bits::{WORD_ORDER, group};
use super::layout::BITS;
use crate::page_table::masks;

/// Frames that one update takes or frees.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece {
    /// Frames of a word, not all: its number, and their bits.
    Part(usize, usize),
    /// Words as a whole: the number of the word that their bits are in, and these.
    Whole(usize, usize),
}

impl Piece {
    /// The aligned group `first..first + count`, if one update is enough.
    #[inline]
    pub(super) const fn group(first: usize, count: usize) -> Option<Self> {
        if !count.is_power_of_two() || !first.is_multiple_of(count) {
            return None;
        }
        let (word, order) = (first / BITS, count.ilog2());
        if order < WORD_ORDER {
            Some(Self::Part(word, group((first % BITS) as u32, order)))
        } else if order <= 2 * WORD_ORDER {
            Some(Self::Whole(word / BITS, group((word % BITS) as u32, order - WORD_ORDER)))
        } else {
            None
        }
    }

    /// The pieces of `first..first + count`, in ascending order.
    pub(super) fn all(first: usize, count: usize) -> impl Iterator<Item = Self> {
        let end = first + count;
        let words = first.div_ceil(BITS)..end / BITS;
        let head = end.min(words.start * BITS);
        let tail = head.max(words.end * BITS);
        let masks = |first: usize, end: usize| {
            let touched = masks(first, end.saturating_sub(first));
            touched.filter(|(_, mask)| *mask != 0)
        };
        let part = |first, end| masks(first, end).map(|(index, mask)| Self::Part(index, mask));
        let whole = masks(words.start, words.end).map(|(index, mask)| Self::Whole(index, mask));
        part(first, head).chain(whole).chain(part(tail, end))
    }

    /// The first frame.
    pub(super) const fn first(self) -> usize {
        match self {
            Self::Part(index, frames) => first_in(index, frames),
            Self::Whole(index, words) => first_in(index, words) * BITS,
        }
    }
}

/// The first one of some items of a word.
pub(super) const fn first_in(index: usize, items: usize) -> usize {
    index * BITS + items.trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    extern crate alloc;

    use alloc::vec::Vec;

    use super::*;

    /// The frames of a piece.
    fn frames(piece: Piece) -> Vec<usize> {
        let of = |index, mask: usize| {
            let has = move |bit: &usize| mask >> bit & 1 != 0;
            (0..BITS).filter(has).map(move |bit| index * BITS + bit)
        };
        match piece {
            Piece::Part(index, mask) => of(index, mask).collect(),
            Piece::Whole(index, mask) => {
                of(index, mask).flat_map(|word| word * BITS..(word + 1) * BITS).collect()
            }
        }
    }

    #[test]
    fn pieces_are_what_the_run_was() {
        for first in [0, 1, 60, BITS - 1, BITS, BITS * BITS - 3, BITS * BITS] {
            for count in [0, 1, 4, BITS, 2 * BITS, 3 * BITS + 5, BITS * BITS + 7] {
                let all = Piece::all(first, count).flat_map(frames).collect::<Vec<_>>();
                assert_eq!(all, (first..first + count).collect::<Vec<_>>());
                let firsts = Piece::all(first, count).map(Piece::first);
                assert!(firsts.eq(Piece::all(first, count).map(|it| frames(it)[0])));
            }
        }
    }

    #[test]
    fn a_group_is_one_piece() {
        for order in 0..=2 * WORD_ORDER {
            let count = 1 << order;
            let piece = Piece::group(3 * count, count).map(frames);
            assert_eq!(piece, Some((3 * count..4 * count).collect()));
        }
        assert!(Piece::group(2, 4).is_none() && Piece::group(0, 3).is_none());
        assert!(Piece::group(0, 2 * BITS * BITS).is_none());
    }
}
