//! The blocks of a shared run: one bit each, taken and put back by anyone.
//!
//! # Protocol
//!
//! A set bit is a block that somebody has. Taking is `fetch_or` of one bit, which
//! succeeds if the bit was clear; putting back is `fetch_and`, and a bit that was
//! clear already is a double free.
//!
//! Nothing else ever changes a bit, whatever becomes of the slab: so whoever took
//! one has it alone until it puts it back, and what is left behind by a run is
//! right for the next one. Fresh memory is a bitmap of which nothing is taken.

use core::sync::atomic::Ordering;

use super::bitmap::Bitmap;
use crate::sync::{Arena, AtomicInt};

const BITS: usize = usize::BITS as usize;

/// A bitmap of which each bit is somebody's while it is set.
#[derive(Debug, Clone, Copy)]
pub struct TakenBits<'a, M: Arena>(Bitmap<'a, M>);

impl<'a, M: Arena> TakenBits<'a, M> {
    /// The blocks whose bits are those of `bits`.
    pub const fn new(bits: Bitmap<'a, M>) -> Self {
        Self(bits)
    }

    /// Takes a block that nobody has; its number.
    pub fn take(&self) -> Option<usize> {
        (0..self.0.words()).find_map(|index| self.take_in(index))
    }

    /// Tries each bit once that was clear: this ends, whatever others do.
    fn take_in(&self, index: usize) -> Option<usize> {
        let word = self.0.word(index);
        let mut free = !word.load(Ordering::Relaxed) & self.0.full(index);
        while free != 0 {
            let bit = free & free.wrapping_neg();
            // Acquire: pairs with the Release in `put`, the former user's accesses
            // come before ours; and with that in `none_taken`.
            if word.fetch_or(bit, Ordering::Acquire) & bit == 0 {
                return Some(index * BITS + bit.trailing_zeros() as usize);
            }
            free &= !bit;
        }
        None
    }

    /// Puts a block back; whether it was taken.
    pub fn put(&self, block: usize) -> bool {
        let bit = 1 << (block % BITS);
        // Release: pairs with the Acquire in `take` and `none_taken`.
        self.0.word(block / BITS).fetch_and(!bit, Ordering::Release) & bit != 0
    }

    /// Whether somebody has the block.
    #[must_use]
    pub fn is_taken(&self, block: usize) -> bool {
        self.0.get(block)
    }

    /// How many blocks nobody has.
    #[must_use]
    pub fn free(&self) -> usize {
        let free = |index| !self.0.word(index).load(Ordering::Relaxed) & self.0.full(index);
        (0..self.0.words()).map(|index| free(index).count_ones() as usize).sum()
    }

    /// Whether nobody seems to have a block.
    #[must_use]
    pub fn seem_free(&self) -> bool {
        self.all_free(|index| self.0.word(index).load(Ordering::Relaxed))
    }

    /// Whether nobody has a block. Who takes one afterwards sees what the caller did
    /// before.
    #[must_use]
    pub fn none_taken(&self) -> bool {
        // An update that changes nothing, for it comes before or after each `take`:
        // a load could miss one that has missed what the caller did.
        // Acquire: pairs with the Release in `put`. Release: with the Acquire in
        // `take`.
        self.all_free(|index| self.0.word(index).fetch_or(0, Ordering::AcqRel))
    }

    fn all_free(&self, read: impl Fn(usize) -> usize) -> bool {
        (0..self.0.words()).all(|index| read(index) & self.0.full(index) == 0)
    }
}
