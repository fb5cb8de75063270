//! What everybody shares: which frames are free, and which areas are not worth a look.
//!
//! # Protocol
//!
//! - The bits are the truth ([`FrameBits`]). A run that spans several words is taken word by
//!   word and put back where one is not free; nobody waits for anybody.
//! - An area's note says which groups it lacks ([`Notes`]), and spares searches a look at it.
//!   It may promise too much, never too little, once nobody is at work:
//!
//! 1. Who finds no group of an order in an area lowers the note, and looks again, by updates
//!    that change nothing. If there is a group now, it opens the note.
//! 2. Who frees frames sets their bits, and then opens the note if that denies a group which
//!    there is now.
//!
//! A word's updates are in one order. Where the second look comes first, who frees sees the
//! lowered note, and opens it; otherwise the second look finds the group. So no group is
//! denied for longer than somebody takes from one step to the next.

use super::bits::{FrameBits, WORD_ORDER, below, group, groups};
use super::layout::{AREA, BITS, Layout};
use super::notes::{Notes, OPEN};
use super::request::Request;
use crate::page_table::masks;
use crate::sync::Arena;

/// Words of an area's bits.
const AREA_WORDS: usize = AREA / BITS;

/// Which frames are free. All frames are named by their index.
#[derive(Debug)]
pub(super) struct FrameMap<'a, M: Arena> {
    pub(super) bits: FrameBits<'a, M>,
    pub(super) notes: Notes<'a, M>,
    layout: &'a Layout,
}

impl<M: Arena> Clone for FrameMap<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Arena> Copy for FrameMap<'_, M> {}

impl<'a, M: Arena> FrameMap<'a, M> {
    #[inline]
    pub(super) const fn new(arena: &'a M, layout: &'a Layout) -> Self {
        let bits = FrameBits::new(arena, Layout::BITS, layout.end);
        Self { bits, notes: Notes::new(arena, layout.notes), layout }
    }

    /// Takes a frame if it is free.
    #[inline]
    pub(super) fn take_one(&self, frame: usize) -> bool {
        frame < self.layout.end && self.bits.take_one(frame)
    }

    /// Frees a frame; whether it was taken.
    #[inline]
    pub(super) fn put_one(&self, frame: usize) -> bool {
        let put = self.bits.put_one(frame);
        if put {
            self.note_freed(frame / BITS);
        }
        put
    }

    /// Frees the frames of `mask` in a word, but for those that are free already; their bits.
    pub(super) fn put_all(&self, index: usize, mask: usize) -> usize {
        let free = self.bits.put_all(index, mask);
        self.note_freed(index);
        free
    }

    /// Takes `first..first + count`.
    ///
    /// # Errors
    ///
    /// A frame that is not free.
    #[inline]
    pub(super) fn take(&self, first: usize, count: usize) -> Result<(), usize> {
        if !is_group(first, count) {
            return self.take_run_at(first, count);
        }
        let mask = group((first % BITS) as u32, count.ilog2());
        self.bits.take(first / BITS, mask).map_err(|word| first_in(first / BITS, mask & !word))
    }

    fn take_run_at(&self, first: usize, count: usize) -> Result<(), usize> {
        for (index, mask) in masks(first, count) {
            if let Err(word) = self.bits.take(index, mask) {
                self.put_back(first, (index * BITS).saturating_sub(first));
                return Err(first_in(index, mask & !word));
            }
        }
        Ok(())
    }

    /// Frees what a taker got before it met with a frame that was not free.
    fn put_back(&self, first: usize, count: usize) {
        if count != 0 {
            // It fails if somebody freed frames that he did not have: these are free then.
            let _ = self.put(first, count);
        }
    }

    /// Frees `first..first + count`, one frame at least.
    ///
    /// # Errors
    ///
    /// A frame that is free already. Nothing has changed then, unless somebody else frees
    /// the same frames at this moment.
    #[inline]
    pub(super) fn put(&self, first: usize, count: usize) -> Result<(), usize> {
        if !is_group(first, count) {
            return self.put_run(first, count);
        }
        self.put_in(first / BITS, group((first % BITS) as u32, count.ilog2()))?;
        self.note_freed(first / BITS);
        Ok(())
    }

    fn put_run(&self, first: usize, count: usize) -> Result<(), usize> {
        if let Some(free) = self.bits.first_free(first, count) {
            return Err(free);
        }
        let put = masks(first, count).try_for_each(|(index, mask)| self.put_in(index, mask));
        (first / AREA..(first + count).div_ceil(AREA)).for_each(|area| self.open(area));
        put
    }

    #[inline]
    fn put_in(&self, index: usize, mask: usize) -> Result<(), usize> {
        let put = self.bits.put(index, mask);
        put.map_err(|word| first_in(index, mask & word))
    }

    /// Opens the note of the area if it denies a group that is in a word where frames were just
    /// freed.
    #[inline]
    fn note_freed(&self, index: usize) {
        let area = index / AREA_WORDS;
        let lacked = self.notes.get(area);
        if lacked == OPEN {
            return;
        }
        // A whole word may complete a group of any order.
        if groups(self.bits.look(index), lacked.min(WORD_ORDER)) != 0 {
            self.notes.open(area);
        }
    }

    fn open(&self, area: usize) {
        if self.notes.get(area) != OPEN {
            self.notes.open(area);
        }
    }

    /// Notes that an area lacks groups of `order`, after a look at it.
    pub(super) fn note_lack(&self, area: usize, order: u32) {
        self.notes.lower(area, order);
        if self.last_group(area, order, usize::MAX, |index| self.bits.settle(index)).is_some() {
            self.notes.open(area);
        }
    }

    /// Takes the last group of `order` in an area that ends before `end`.
    #[inline]
    pub(super) fn take_group(&self, area: usize, order: u32, end: usize) -> Option<usize> {
        if order == 0 {
            return self.take_any(area, end);
        }
        // Each turn but the last, somebody else has taken a frame.
        loop {
            let first = self.last_group(area, order, end, |index| self.bits.look(index))?;
            if self.take(first, 1 << order).is_ok() {
                return Some(first);
            }
        }
    }

    /// As [`take_group`](Self::take_group), of a single frame.
    #[inline]
    fn take_any(&self, area: usize, end: usize) -> Option<usize> {
        (area * AREA_WORDS..(area + 1) * AREA_WORDS).rev().find_map(|index| {
            let mut free = self.bits.look(index) & below(index, end);
            // Each turn, somebody else has taken a frame.
            while free != 0 {
                let bit = free.ilog2() as usize;
                if self.bits.take_one(index * BITS + bit) {
                    return Some(index * BITS + bit);
                }
                free &= !(1 << bit);
            }
            None
        })
    }

    /// The last group of `order` in an area that is free and ends before `end`.
    #[inline]
    fn last_group(
        &self,
        area: usize,
        order: u32,
        end: usize,
        look: impl Fn(usize) -> usize,
    ) -> Option<usize> {
        units(area, order).rev().find_map(|first| {
            let found = groups_from(first, order, |index| look(index) & below(index, end));
            (found != 0).then(|| first * BITS + found.ilog2() as usize)
        })
    }

    /// How many groups of `order`, an area's at most, are free in an area.
    pub(super) fn count_groups(&self, area: usize, order: u32) -> usize {
        let free = |first| groups_from(first, order, |index| self.bits.look(index));
        units(area, order).map(|first| free(first).count_ones() as usize).sum()
    }

    /// Takes the last group of `order`, an area's at most, that ends before `end`.
    pub(super) fn take_order(&self, order: u32, end: usize) -> Option<usize> {
        let mut areas = end.div_ceil(AREA).min(self.layout.areas);
        while let Some(area) = self.notes.find(order, areas) {
            if let Some(first) = self.take_group(area, order, end) {
                return Some(first);
            }
            if end >= (area + 1) * AREA {
                self.note_lack(area, order);
            }
            areas = area;
        }
        None
    }

    /// Takes the last run that is as wanted and ends before `end`, by a look at every word.
    pub(super) fn take_run(&self, want: Request, end: usize) -> Option<usize> {
        let base = self.layout.base;
        let align = |first: usize| {
            let number = (base + first).checked_shr(want.align)? << want.align;
            number.checked_sub(base)
        };
        let mut end = end;
        loop {
            let first = self.bits.find_run(want.count, align, end)?;
            match self.take(first, want.count) {
                Ok(()) => return Some(first),
                Err(taken) => end = taken,
            }
        }
    }
}

/// The words of an area, or the first of as many as a group has.
#[inline]
fn units(area: usize, order: u32) -> impl DoubleEndedIterator<Item = usize> {
    let words = area * AREA_WORDS..(area + 1) * AREA_WORDS;
    words.step_by(1 << order.saturating_sub(WORD_ORDER))
}

/// The first bits of the groups that are free in word number `first`; of one that has several
/// words, bit 0.
#[inline]
fn groups_from(first: usize, order: u32, look: impl Fn(usize) -> usize) -> usize {
    if order <= WORD_ORDER {
        return groups(look(first), order);
    }
    let words = first..first + (1 << (order - WORD_ORDER));
    usize::from(words.into_iter().all(|index| look(index) == usize::MAX))
}

/// Whether `first..first + count` is an aligned group within a word.
#[inline]
const fn is_group(first: usize, count: usize) -> bool {
    count.is_power_of_two() && count <= BITS && first.is_multiple_of(count)
}

/// The first of some frames of a word.
const fn first_in(index: usize, frames: usize) -> usize {
    index * BITS + frames.trailing_zeros() as usize
}
