//! A run that is nobody's: anyone takes its blocks and puts them back.
//!
//! # Protocol
//!
//! Such a run belongs to [`SHARED`], and one bitmap alone says which of its
//! blocks are free: the *shared* bitmap, which no other kind of run uses.
//!
//! 1. Whoever claimed the slabs sets the bits of all blocks but the first,
//!    which it keeps, and publishes the run.
//! 2. A taker looks at the owner word, takes a bit, and looks again. The run
//!    may have been retired in between, and the slab be something else by now;
//!    then the bit goes back.
//! 3. Retiring takes all bits, and then looks at the owner word likewise. A
//!    death in between loses the run, for nobody can tell who took them.
//!
//! The second look is final. While the slab is no shared run all its bits are
//! 0, so a bit that was taken is of the shared run that is there now, and it
//! stays there: nobody can retire it while a bit is out.
//!
//! For the same reason the bits may not stand in a word that runs of a slot
//! use. A late taker would borrow a bit for a moment while the owner collects
//! it, and put it back after the block was handed out.

use super::bitmap::Bitmap;
use super::owner::SHARED;
use super::span::{Journal, SpanTable};
use crate::sync::Arena;

/// What may be a shared run of one class.
#[derive(Debug, Clone, Copy)]
pub struct SharedRun<'a, M: Arena> {
    table: SpanTable<'a, M>,
    bits: Bitmap<'a, M>,
    slab: usize,
    class: usize,
    slabs: usize,
}

impl<'a, M: Arena> SharedRun<'a, M> {
    /// The run of `slabs` slabs from `slab` on, cut into blocks of `class`,
    /// whose shared bitmap is `bits`.
    #[inline]
    pub const fn new(
        table: SpanTable<'a, M>,
        bits: Bitmap<'a, M>,
        slab: usize,
        class: usize,
        slabs: usize,
    ) -> Self {
        Self { table, bits, slab, class, slabs }
    }

    /// Whether the slab is the head of such a run at present.
    #[must_use]
    #[inline]
    pub fn is_there(&self) -> bool {
        let owner = self.table.owner(self.slab);
        owner.is_run_of(SHARED) && owner.class == self.class
    }

    /// Makes slabs that the caller claimed a shared run; block 0 is the
    /// caller's.
    pub fn publish(&self, journal: &impl Journal) {
        self.bits.open();
        self.table.publish_shared(self.slab, self.slabs, journal);
    }

    /// Takes a free block; its number.
    pub fn take(&self) -> Option<usize> {
        if !self.is_there() {
            return None;
        }
        let block = self.bits.take()?;
        if self.is_there() {
            return Some(block);
        }
        self.bits.put(block);
        None
    }

    /// Puts a block back; whether it was out.
    pub fn put(&self, block: usize) -> bool {
        self.bits.put(block)
    }

    /// Gives the slabs back if all blocks are free; whether they were.
    pub fn retire(&self, journal: &impl Journal) -> bool {
        if !self.bits.is_full() || !self.bits.retire() {
            return false;
        }
        let there = self.is_there();
        if there {
            self.table.release(self.slab, self.slabs, journal);
        } else {
            self.bits.put_all();
        }
        there
    }
}
