//! Which slabs are in use, as a bitmap to search: a hint.
//!
//! The owner words are the truth. Bits are set after a claim and cleared after
//! a release, so they may be wrong for a moment, or for ever if a process died
//! in between; whoever finds one wrong corrects it.
//!
//! The search start is a slab number below which none is free. It only moves up
//! past slabs that were just claimed, and never over a lowering by another.

use core::sync::atomic::Ordering;

use super::slab_bits::{BITS, SlabBits, mask};
use crate::offset::Offset;
use crate::sync::{Arena, AtomicInt};

/// Which slabs are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// How many neighbours.
    pub count: usize,
    /// How many further ones are to be free after them, for the block to grow
    /// into. If there is no such place, they are done without.
    pub room: usize,
    /// The first one's number, less `phase`, is a multiple of this.
    pub step: usize,
    /// See `step`; below it.
    pub phase: usize,
}

impl Want {
    /// `count` slabs anywhere.
    #[must_use]
    pub const fn anywhere(count: usize) -> Self {
        Self { count, room: 0, step: 1, phase: 0 }
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
    bits: SlabBits<'a, M>,
    search: Offset,
}

impl<M: Arena> Clone for UsedMap<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Arena> Copy for UsedMap<'_, M> {}

impl<'a, M: Arena> UsedMap<'a, M> {
    pub(super) const fn new(arena: &'a M, bits: Offset, search: Offset) -> Self {
        Self { arena, bits: SlabBits::new(arena, bits), search }
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
        let ample = want.count.saturating_add(want.room);
        let found = self.find_free(Want { count: ample, ..want }, from, limit);
        if want.room == 0 { found } else { found.or_else(|| self.find_free(want, from, limit)) }
    }

    /// As [`find`](Self::find), regardless of the room.
    fn find_free(&self, want: Want, from: usize, limit: usize) -> Option<usize> {
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
            let word = self.bits.word(slab / BITS).load(Ordering::Relaxed) >> (slab % BITS);
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
            let used = self.bits.word(base / BITS).load(Ordering::Relaxed) & mask;
            if used != 0 {
                return Some(base + used.ilog2() as usize);
            }
            end = base;
        }
        None
    }

    /// The bits.
    pub(super) fn bits(&self) -> SlabBits<'a, M> {
        self.bits
    }

    pub(super) fn set(&self, first: usize, count: usize) {
        self.bits.set(first, count);
    }

    pub(super) fn clear(&self, first: usize, count: usize) {
        self.bits.clear(first, count);
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
