//! Where free frames are that somebody can have.

use super::bits::{WORD_ORDER, below, group, groups, words};
use super::layout::{AREA, BITS};
use super::map::FrameMap;
use super::request::Request;
use crate::page_table::{mask, masks};
use crate::sync::Arena;

impl<M: Arena> FrameMap<'_, M> {
    /// Takes the last group of `order`, an area's at most, in an area that ends before `end`. Words
    /// that are free as a whole are cut, or others taken, only if there is no such group otherwise.
    #[inline]
    pub(super) fn take_group(&self, area: usize, order: u32, end: usize) -> Option<usize> {
        if order < WORD_ORDER {
            let taken = self.bits.take_group(area, order, end);
            return taken.or_else(|| self.cut_last(area, order, end));
        }
        let words = self.take_words(area, order - WORD_ORDER, end / BITS);
        words.map(|first| first * BITS).or_else(|| self.take_last(area, order, end))
    }

    /// Takes the last group of an area's words that are free as a whole, before the word `end`.
    #[inline]
    fn take_words(&self, area: usize, order: u32, end: usize) -> Option<usize> {
        let words = words(area);
        let index = words.start / BITS;
        let end = words.end.min(end).saturating_sub(index * BITS);
        self.wholes.take_among(index, mask(words.start % BITS, end), order)
    }

    /// As [`take_group`](Self::take_group), from a word that is free as a whole.
    fn cut_last(&self, area: usize, order: u32, end: usize) -> Option<usize> {
        // A word's first group has to end before `end`.
        let word = self.take_words(area, 0, end.saturating_sub((1 << order) - 1).div_ceil(BITS))?;
        let first = groups(below(word, end), order).checked_ilog2()?;
        self.keep_of(word, group(first, order));
        Some(word * BITS + first as usize)
    }

    /// As [`take_group`](Self::take_group), of words some of which are free by the frame.
    fn take_last(&self, area: usize, order: u32, end: usize) -> Option<usize> {
        // Each turn but the last, somebody else has changed a word.
        loop {
            let first = self.last_group(area, order, end, |index| self.look(index))?;
            if self.take(first, 1 << order).is_ok() {
                return Some(first);
            }
        }
    }

    /// Takes the last group of `order`, a word's at least, from words of a zone that are free as
    /// a whole.
    #[inline]
    pub(super) fn take_wholes(&self, zone: usize, order: u32) -> Option<usize> {
        let taken = self.wholes.take_group(zone, order - WORD_ORDER, usize::MAX);
        taken.map(|word| word * BITS)
    }

    /// The last group of `order` in an area that is free and ends before `end`.
    #[inline]
    pub(super) fn last_group(
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
        let free = |first| groups_from(first, order, |index| self.look(index));
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
        let mut end = end.min(self.layout.end);
        loop {
            let first = self.find_run(want.count, align, end)?;
            match self.take(first, want.count) {
                Ok(()) => return Some(first),
                Err(taken) => end = taken,
            }
        }
    }

    /// The last run of `count` frames before `end` that are free, each of its first frame's
    /// places being what `align` makes of one.
    fn find_run(
        &self,
        count: usize,
        align: impl Fn(usize) -> Option<usize>,
        end: usize,
    ) -> Option<usize> {
        let mut end = end;
        loop {
            let top = self.last_free(end)? + 1;
            let first = align(top.checked_sub(count)?)?;
            match self.first_where(first, count, |free| !free) {
                None => return Some(first),
                Some(taken) => end = taken,
            }
        }
    }

    /// The first frame of `first..first + count` that is free.
    #[inline]
    pub(super) fn first_free(&self, first: usize, count: usize) -> Option<usize> {
        self.first_where(first, count, |free| free)
    }

    #[inline]
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

/// The words of an area, or the first of as many as a group has.
#[inline]
fn units(area: usize, order: u32) -> impl DoubleEndedIterator<Item = usize> {
    words(area).step_by(1 << order.saturating_sub(WORD_ORDER))
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
