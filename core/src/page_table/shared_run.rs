//! A run that is nobody's: anyone takes its blocks and puts them back.
//!
//! # Protocol
//!
//! Such a run belongs to [`SHARED`], and one bitmap alone says which of its
//! blocks are taken: the *shared* bitmap, which no other kind of run uses.
//!
//! 1. Whoever claimed the slabs publishes the run, of which nothing is taken.
//! 2. A taker looks at the owner word, takes a bit, and looks again. The run
//!    may have been retired in between, and the slab be something else by now;
//!    then the bit goes back.
//! 3. A retirer enters the run's latch, sees that the run is there and that no
//!    bit is taken, frees the slabs and leaves. For as long as somebody is
//!    inside, takers do as if there were no run.
//!
//! The second look is final: a bit was taken before the retirer looked, and it
//! has seen it; or afterwards, and who took it sees that somebody is inside, or
//! what came of that. So nobody retires a run while one of its blocks is out.
//!
//! A bit is taken and put back by the same one, whatever becomes of the slab
//! meanwhile. Late takers may have one for a moment of a run that is not theirs:
//! it then seems to have a block less. For the same reason the bits may not stand
//! in a word that runs of a slot use: their owner would collect such a bit.
//!
//! A retirer that dies leaves its journal and the latch. Who recovers it
//! [ends](SharedRun::end_retirement) that: the run is there or free, and no
//! block of it was lost.

use super::descriptor::Descriptor;
use super::owner::SHARED;
use super::span::{Journal, SpanTable};
use super::taken_bits::TakenBits;
use crate::segment::{Latch, Visitor};
use crate::sync::Arena;

/// What may be a shared run of one class.
#[derive(Debug, Clone, Copy)]
pub struct SharedRun<'a, M: Arena> {
    table: SpanTable<'a, M>,
    latch: Latch<'a, M>,
    bits: TakenBits<'a, M>,
    slab: usize,
    class: usize,
    slabs: usize,
}

impl<'a, M: Arena> SharedRun<'a, M> {
    /// The run of `slabs` slabs from `slab` on, cut into blocks of `class`, whose
    /// descriptor has `latch` and whose shared bitmap is `bits`.
    #[inline]
    pub const fn new(
        table: SpanTable<'a, M>,
        latch: Latch<'a, M>,
        bits: TakenBits<'a, M>,
        slab: usize,
        class: usize,
        slabs: usize,
    ) -> Self {
        Self { table, latch, bits, slab, class, slabs }
    }

    /// Whether the slab is the head of such a run at present.
    #[must_use]
    #[inline]
    fn is_there(&self) -> bool {
        let owner = self.table.owner(self.slab);
        owner.is_run_of(SHARED) && owner.class == self.class
    }

    /// Whether blocks may be taken.
    #[must_use]
    #[inline]
    pub fn is_open(&self) -> bool {
        // In this order: who left the latch may have freed the slabs.
        self.latch.is_empty() && self.is_there()
    }

    /// Makes slabs that the caller claimed a shared run.
    pub fn publish(&self, journal: &impl Journal) {
        self.table.publish_shared(self.slab, self.slabs, journal);
    }

    /// Takes a free block; its number.
    pub fn take(&self) -> Option<usize> {
        if !self.is_open() {
            return None;
        }
        let block = self.bits.take()?;
        if self.is_open() {
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
        if !self.bits.seem_free() {
            return false;
        }
        journal.note(self.slab, self.slabs);
        let retired = self.latch.enter(Visitor::Raider(journal.slot())) && {
            let unused = self.is_there() && self.bits.none_taken();
            if unused {
                self.table.release_noted(self.slab, self.slabs, journal.slot());
            }
            self.latch.leave();
            unused
        };
        journal.clear();
        retired
    }
}

impl<M: Arena> Descriptor<'_, M> {
    /// Lets others take blocks again, or retire the run, if the dead holder of
    /// slot `dead` was about to retire it.
    ///
    /// To be called by its recoverer, when it has finished what the journal says.
    pub fn end_retirement(&self, dead: usize) {
        if self.latch().inherit(Visitor::Raider(dead)) {
            self.latch().leave();
        }
    }
}
