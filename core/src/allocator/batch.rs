//! Blocks that are freed together.

use crate::segment::WORD_BITS;

/// Different blocks of one run that have their bits in one word of its bitmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    /// The number of the word.
    pub(super) index: usize,
    /// Their bits.
    pub(super) mask: usize,
}

impl Batch {
    /// One block.
    #[inline]
    pub(super) fn of(block: usize) -> Self {
        Self { index: block / WORD_BITS, mask: bit(block) }
    }

    /// Whether a block of the same run is among them.
    pub(super) fn has(self, block: usize) -> bool {
        block / WORD_BITS == self.index && self.mask & bit(block) != 0
    }

    /// Whether a block of the same run can go along with the others.
    #[inline]
    pub(super) fn adopts(self, block: usize) -> bool {
        block / WORD_BITS == self.index && self.mask & bit(block) == 0
    }

    /// Adds a block that can.
    #[inline]
    pub(super) fn add(&mut self, block: usize) {
        self.mask |= bit(block);
    }
}

#[inline]
fn bit(block: usize) -> usize {
    1 << (block % WORD_BITS)
}
