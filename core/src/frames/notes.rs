//! What areas are known to lack: four bits each, so that a search passes many by at a look.
//!
//! The note of an area is the least order of which it has no group, or [`OPEN`] where that is
//! not known. A note of 0 says that all is taken, so zeroed metadata is right for memory
//! of which nothing is free yet.

use core::sync::atomic::Ordering;

use super::layout::{BITS, WORD};
use crate::offset::Offset;
use crate::sync::{Arena, AtomicInt, Atomics};

/// The note of an area of which nothing is known: greater than all orders.
pub(super) const OPEN: u32 = 0xf;

const NOTE_BITS: usize = 4;
/// Areas whose notes are in one word.
pub(super) const PER_WORD: usize = BITS / NOTE_BITS;

/// The lowest bit of each note.
const LOWEST: usize = usize::MAX / 0xf;
/// The highest bit of each note.
const HIGHEST: usize = LOWEST << 3;

/// The notes of all areas.
#[derive(Debug)]
pub(super) struct Notes<'a, M: Arena> {
    arena: &'a M,
    at: Offset,
}

impl<M: Arena> Clone for Notes<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Arena> Copy for Notes<'_, M> {}

impl<'a, M: Arena> Notes<'a, M> {
    pub(super) const fn new(arena: &'a M, at: Offset) -> Self {
        Self { arena, at }
    }

    #[inline]
    fn word(&self, index: usize) -> &'a <M::A as Atomics>::Word {
        self.arena.word(self.at.add(index * WORD))
    }

    /// The least order that the area is known to lack.
    #[inline]
    pub(super) fn get(&self, area: usize) -> u32 {
        note_in(self.word(area / PER_WORD).load(Ordering::Relaxed), area)
    }

    /// Forgets what is known of the area.
    pub(super) fn open(&self, area: usize) {
        let note = (OPEN as usize) << shift(area);
        self.word(area / PER_WORD).fetch_or(note, Ordering::Relaxed);
    }

    /// Notes that the area lacks groups of `order`.
    pub(super) fn lower(&self, area: usize, order: u32) {
        let word = self.word(area / PER_WORD);
        let mut seen = word.load(Ordering::Relaxed);
        while note_in(seen, area) > order {
            let cleared = seen & !((OPEN as usize) << shift(area));
            let new = cleared | (order as usize) << shift(area);
            match word.compare_exchange(seen, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(found) => seen = found,
            }
        }
    }

    /// The last area before `end` that may have a group of `order`.
    pub(super) fn find(&self, order: u32, end: usize) -> Option<usize> {
        (0..end.div_ceil(PER_WORD)).rev().find_map(|index| {
            let word = self.word(index).load(Ordering::Relaxed);
            let found = above(word, order) & below(end - index * PER_WORD);
            (found != 0).then(|| index * PER_WORD + found.ilog2() as usize / NOTE_BITS)
        })
    }
}

const fn shift(area: usize) -> usize {
    area % PER_WORD * NOTE_BITS
}

const fn note_in(word: usize, area: usize) -> u32 {
    (word >> shift(area)) as u32 & OPEN
}

/// The bits of the first `count` notes of a word.
const fn below(count: usize) -> usize {
    if count >= PER_WORD { usize::MAX } else { (1 << (count * NOTE_BITS)) - 1 }
}

/// The highest bit of each note in `word` that is greater than `order`: all at once.
///
/// Up to order 7, what is missing to 8 is added to the three lower bits of each note, so
/// that a carry reaches the highest one. Of the notes from 8 on, which are 8, 9 and [`OPEN`],
/// the two lowest bits tell the rest.
const fn above(word: usize, order: u32) -> usize {
    let exceeds = match order {
        0..8 => ((word & !HIGHEST) + (7 - order as usize) * LOWEST) | word,
        8 => word & word << 3,
        _ => word & word << 2,
    };
    exceeds & HIGHEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_compared_all_at_once() {
        for order in 0..=9 {
            for note in (0..=9).chain([OPEN]) {
                for neighbour in [0, 7, 8, 9, OPEN] {
                    let word = neighbour | note << 4 | neighbour << 8;
                    let found = above(word as usize, order) >> 4 & 0xf;
                    assert_eq!(found != 0, note > order, "{note} and {order}");
                }
            }
        }
    }
}
