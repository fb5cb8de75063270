//! The smallest heap that has everything the protocols need.
//!
//! | word | holds |
//! |---|---|
//! | 0 | nothing: offset 0 is null |
//! | 1 | search start |
//! | 2 | used bitmap |
//! | 3… | owner words, one a slab |
//! | … | slot states, two a slot |
//! | … | heads of the lists of dirty slabs, one a slot |
//! | … | latches, one a slot |
//! | … | journals, three a slot |
//! | … | records of exchanges, six a slot |
//! | … | descriptors, with bitmaps of two words |

use std::fmt;

use anymem_core::{
    offset::Offset,
    page_table::{Descriptor, DirtyList, Journal, SpanTable},
    segment::{ExchangeRecord, Latch, SlotTable, StepRecord},
};

use crate::{
    model::{Cell, Model},
    words::Words,
};

/// The most blocks that a slab of a [`Tiny`] heap can have.
pub const BLOCKS: usize = 2 * usize::BITS as usize;

const WORD: usize = size_of::<usize>();
const OWNERS: usize = 3;
const BITMAP_WORDS: usize = 2;
const SLOT: usize = 4 + 3 + 6;
const DESCRIPTOR: usize = 8 + 3 * BITMAP_WORDS;

/// The journal of a slot that nobody recovers in the model.
#[derive(Debug, Clone, Copy)]
pub struct OfSlot(pub usize);

impl Journal for OfSlot {
    fn slot(&self) -> usize {
        self.0
    }

    fn note(&self, _first: usize, _count: usize) {}

    fn note_resize(&self, _head: usize, _first: usize, _count: usize) {}

    fn clear(&self) {}
}

/// A heap of a few slabs and slots, and data cells for what it manages.
pub struct Tiny<M: Model> {
    words: Words<M>,
    slabs: usize,
    slots: usize,
    cells: Vec<M::Cell>,
}

impl<M: Model> Tiny<M> {
    /// A heap of which all is free, with `cells` data cells.
    #[must_use]
    pub fn new(slabs: usize, slots: usize, cells: usize) -> Self {
        let count = OWNERS + slabs + SLOT * slots + DESCRIPTOR * slabs;
        let cells = (0..cells).map(|_| M::Cell::default()).collect();
        Self { words: Words::new(count), slabs, slots, cells }
    }

    /// The words themselves.
    #[must_use]
    pub fn words(&self) -> &Words<M> {
        &self.words
    }

    /// The owner words.
    #[must_use]
    pub fn table(&self) -> SpanTable<'_, Words<M>> {
        SpanTable::new(&self.words, at(OWNERS), at(2), at(1), self.slabs)
    }

    /// The slot states.
    #[must_use]
    pub fn slots(&self) -> SlotTable<'_, Words<M>> {
        SlotTable::new(&self.words, at(OWNERS + self.slabs), self.slots)
    }

    /// The list of dirty slabs of `slot`.
    #[must_use]
    pub fn dirty(&self, slot: usize) -> DirtyList<'_, Words<M>> {
        DirtyList::new(&self.words, at(OWNERS + self.slabs + 2 * self.slots + slot))
    }

    /// The latch of `slot`.
    #[must_use]
    pub fn latch(&self, slot: usize) -> Latch<'_, Words<M>> {
        Latch::new(&self.words, at(OWNERS + self.slabs + 3 * self.slots + slot))
    }

    /// The journal of `slot`.
    #[must_use]
    pub fn steps(&self, slot: usize) -> StepRecord<'_, Words<M>> {
        StepRecord::new(&self.words, at(OWNERS + self.slabs + 4 * self.slots + 3 * slot))
    }

    /// The record of the exchange that `slot` has under way.
    #[must_use]
    pub fn exchange(&self, slot: usize) -> ExchangeRecord<'_, Words<M>> {
        ExchangeRecord::new(&self.words, at(OWNERS + self.slabs + 7 * self.slots + 6 * slot))
    }

    /// The descriptor of `slab`.
    #[must_use]
    pub fn descriptor(&self, slab: usize) -> Descriptor<'_, Words<M>> {
        let first = OWNERS + self.slabs + SLOT * self.slots;
        Descriptor::new(&self.words, at(first + slab * DESCRIPTOR), BITMAP_WORDS * WORD)
    }

    /// Accesses data cell number `cell` as its only owner.
    pub fn touch(&self, cell: usize) {
        self.cells[cell].touch();
    }
}

fn at(word: usize) -> Offset {
    Offset::new(word * WORD)
}

impl<M: Model> fmt::Debug for Tiny<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tiny({} slabs, {} slots)", self.slabs, self.slots)
    }
}
