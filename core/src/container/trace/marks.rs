//! A bit for each place where a block may start.

use core::ops::Range;

use crate::offset::Offset;
use crate::size_class::GRAIN;

const BITS: usize = usize::BITS as usize;

/// Which blocks have been reached.
#[derive(Debug)]
pub(super) struct Marks<'m> {
    words: &'m mut [usize],
    range: Range<Offset>,
}

impl<'m> Marks<'m> {
    /// Words that the blocks in `range` need.
    pub(super) const fn words(range: &Range<Offset>) -> usize {
        (range.end.get() - range.start.get()).div_ceil(GRAIN * BITS)
    }

    /// No marks for the blocks in `range`; `None` if there are too few words.
    pub(super) fn new(words: &'m mut [usize], range: Range<Offset>) -> Option<Self> {
        let words = words.get_mut(..Self::words(&range))?;
        words.fill(0);
        Some(Self { words, range })
    }

    /// Marks the block at `at`; whether it was not.
    pub(super) fn set(&mut self, at: Offset) -> bool {
        let Some((index, bit)) = self.place(at) else { return false };
        let Some(word) = self.words.get_mut(index) else { return false };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Whether the block at `at` is marked.
    pub(super) fn has(&self, at: Offset) -> bool {
        let word = |index| self.words.get(index).copied().unwrap_or(0);
        self.place(at).is_some_and(|(index, bit)| word(index) & bit != 0)
    }

    fn place(&self, at: Offset) -> Option<(usize, usize)> {
        let grain = at.get().checked_sub(self.range.start.get())? / GRAIN;
        Some((grain / BITS, 1 << (grain % BITS)))
    }
}
