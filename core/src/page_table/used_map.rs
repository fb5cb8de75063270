//! Which slabs are in use, as a bitmap to search: a hint.
//!
//! The owner words are the truth. Bits are set after a claim and cleared after
//! a release, so they may be wrong for a moment, or for ever if a process died
//! in between; whoever finds one wrong corrects it.
//!
//! The search start is a slab number below which none is free. It only moves up
//! past slabs that were just claimed, and never over a lowering by another.

use core::sync::atomic::Ordering;

use crate::offset::Offset;
use crate::sync::{Arena, AtomicInt, Atomics};

const WORD: usize = size_of::<usize>();
const BITS: usize = usize::BITS as usize;

/// Which slabs are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// How many neighbours.
    pub count: usize,
    /// The first one's number, less `phase`, is a multiple of this.
    pub step: usize,
    /// See `step`; below it.
    pub phase: usize,
}

impl Want {
    /// `count` slabs anywhere.
    #[must_use]
    pub const fn anywhere(count: usize) -> Self {
        Self { count, step: 1, phase: 0 }
    }

    /// The first number from `from` on that fits `step` and `phase`.
    fn align(self, from: usize) -> Option<usize> {
        let past = from.saturating_sub(self.phase);
        past.checked_next_multiple_of(self.step.max(1))?.checked_add(self.phase)
    }
}

/// The used bitmap and the search start of a segment.
#[derive(Debug)]
pub(super) struct UsedMap<'a, M: Arena> {
    arena: &'a M,
    bits: Offset,
    search: Offset,
}

impl<M: Arena> Clone for UsedMap<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Arena> Copy for UsedMap<'_, M> {}

type Word<M> = <<M as Arena>::A as Atomics>::Word;

impl<'a, M: Arena> UsedMap<'a, M> {
    pub(super) const fn new(arena: &'a M, bits: Offset, search: Offset) -> Self {
        Self { arena, bits, search }
    }

    /// Where a search begins.
    pub(super) fn start(&self) -> usize {
        self.arena.word(self.search).load(Ordering::Relaxed)
    }

    /// Has the next search begin at the first slab.
    pub(super) fn reset(&self) {
        self.arena.word(self.search).store(0, Ordering::Relaxed);
    }

    /// The first run from `from` on that the bitmap says is free.
    pub(super) fn find(&self, want: Want, from: usize, limit: usize) -> Option<usize> {
        let mut first = want.align(self.next_unused(from, limit)?)?;
        loop {
            let end = first.checked_add(want.count)?;
            if end > limit {
                return None;
            }
            match self.last_used(first, end) {
                None => return Some(first),
                Some(used) => first = want.align(self.next_unused(used + 1, limit)?)?,
            }
        }
    }

    /// The first slab in `from..limit` whose bit is clear.
    fn next_unused(&self, from: usize, limit: usize) -> Option<usize> {
        let mut slab = from;
        while slab < limit {
            let word = self.word(slab / BITS).load(Ordering::Relaxed) >> (slab % BITS);
            let ones = word.trailing_ones() as usize;
            if ones < BITS - slab % BITS {
                return (slab + ones < limit).then_some(slab + ones);
            }
            slab = (slab / BITS + 1) * BITS;
        }
        None
    }

    /// The last slab in `first..end` whose bit is set.
    fn last_used(&self, first: usize, end: usize) -> Option<usize> {
        let mut end = end;
        while end > first {
            let base = (end - 1) / BITS * BITS;
            let low = first.saturating_sub(base);
            let mask = mask(low, end - base);
            let used = self.word(base / BITS).load(Ordering::Relaxed) & mask;
            if used != 0 {
                return Some(base + used.ilog2() as usize);
            }
            end = base;
        }
        None
    }

    fn word(&self, index: usize) -> &'a Word<M> {
        self.arena.word(self.bits.add(index * WORD))
    }

    pub(super) fn set(&self, first: usize, count: usize) {
        for (index, mask) in masks(first, count) {
            self.word(index).fetch_or(mask, Ordering::Relaxed);
        }
    }

    pub(super) fn clear(&self, first: usize, count: usize) {
        for (index, mask) in masks(first, count) {
            self.word(index).fetch_and(!mask, Ordering::Relaxed);
        }
        self.lower(first);
    }

    /// Moves the search start down to a slab that became free.
    fn lower(&self, first: usize) {
        let search = self.arena.word(self.search);
        let mut seen = search.load(Ordering::Relaxed);
        while seen > first {
            match search.compare_exchange(seen, first, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(found) => seen = found,
            }
        }
    }

    /// Moves the search start past slabs that were claimed right at it, unless
    /// somebody moved it meanwhile.
    pub(super) fn advance(&self, start: usize, first: usize, count: usize) {
        if first == start {
            let (order, to) = (Ordering::Relaxed, first + count);
            let _ = self.arena.word(self.search).compare_exchange(start, to, order, order);
        }
    }
}

/// The bits `low..high` of a word; `high` is at most the word's width.
const fn mask(low: usize, high: usize) -> usize {
    let up_to = if high >= BITS { usize::MAX } else { (1 << high) - 1 };
    up_to & (usize::MAX << low)
}

/// The bitmap words that `first..first + count` touches, each with its bits.
fn masks(first: usize, count: usize) -> impl Iterator<Item = (usize, usize)> {
    let end = first + count;
    (first / BITS..end.div_ceil(BITS)).map(move |index| {
        let base = index * BITS;
        (index, mask(first.saturating_sub(base), (end - base).min(BITS)))
    })
}
