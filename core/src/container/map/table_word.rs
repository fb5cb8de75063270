//! The word that names a shard's table.

use super::group::LANES;
use crate::allocator::Registration;
use crate::offset::Offset;

/// Alignment of a table's block: leaves the low bits of its offset to
/// [`TableWord`], and has no group lie on two cache lines.
pub(super) const ALIGN: usize = Registration::ALIGN;

/// How much larger than the smallest a table can be: the binary logarithm.
pub(super) const MOST_GROWTH: u32 = 31;

/// Where a table is and how large: one word, so that it changes at once.
///
/// | bits | field |
/// |---|---|
/// | 0–4 | binary logarithm of the number of groups |
/// | 5 | 0 |
/// | 6– | offset of the block, without its low 6 bits, which are 0 |
///
/// The word 0 is no table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TableWord(usize);

impl TableWord {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn from_bits(bits: usize) -> Self {
        Self(bits)
    }

    pub(super) const fn new(at: Offset, slots: usize) -> Self {
        Self(at.get() & !(ALIGN - 1) | Self::tag(slots))
    }

    /// What stands in the word beside the offset.
    pub(super) const fn tag(slots: usize) -> usize {
        (slots / LANES).trailing_zeros() as usize
    }

    /// How many slots the table has; 0 for no table.
    pub(super) const fn slots(self) -> usize {
        if self.0 == 0 { 0 } else { LANES.wrapping_shl(self.growth()) }
    }

    /// How much larger than the smallest the table is: the binary logarithm.
    pub(super) const fn growth(self) -> u32 {
        self.0 as u32 & MOST_GROWTH
    }

    pub(super) const fn offset(self) -> Offset {
        Offset::new(self.0 & !(ALIGN - 1))
    }
}
