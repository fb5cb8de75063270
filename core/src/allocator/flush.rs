//! Where freed blocks go when a magazine is full.
//!
//! The older half of the entries goes back to the bitmaps: one plain store a
//! word for the slot's own slabs, one `fetch_or` a word for others'. Then the
//! younger half moves down.
//!
//! # Deaths
//!
//! An own block's bit is set while the entry is still there: both is fine. A
//! block of another owner's slab may be handed out anew the moment its bit is
//! set, so its entry is erased first, and the journal names it in between.

use core::sync::atomic::Ordering;

use super::FreeError;
use super::local_heap::{GRAIN_SHIFT, LocalHeap};
use super::slot::Step;
use super::space::Place;
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::SHARED;
use crate::segment::{Geometry, WORD, WORD_BITS};
use crate::size_class::{Class, Classes};
use crate::thread::ThreadModel;

/// The bits of one bitmap word that are to be set together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Batch {
    slab: usize,
    class: Class,
    slot: usize,
    index: usize,
    mask: usize,
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> LocalHeap<'_, B, T, SHIFT> {
    /// Makes room in the magazine of `class`.
    pub(super) fn flush(&self, class: Class) {
        let full = Classes::<SHIFT>::info(class).magazine;
        let count = self.magazine(class).count().min(full);
        let half = count.div_ceil(2);
        self.put_back(class, half);
        self.compact(class, half, count);
        self.release_spare(class);
    }

    /// Empties the magazine of `class`.
    pub(super) fn flush_all(&self, class: Class) {
        let full = Classes::<SHIFT>::info(class).magazine;
        self.put_back(class, self.magazine(class).count().min(full));
        self.magazine(class).set_count(0);
    }

    /// Puts the first `end` entries of a magazine back where they came from.
    fn put_back(&self, class: Class, end: u32) {
        let mut from = 0;
        while from < end {
            from = self.put_some_back(class, from, end);
        }
    }

    /// Puts back the entries that share a bitmap word with the one at `from`;
    /// where to go on.
    fn put_some_back(&self, class: Class, from: u32, end: u32) -> u32 {
        let place = self.space.place(self.entry(class, from));
        let Some(Place::Block { slab, block, class: cut, slot }) = place else {
            self.put_large_back(class, from, place);
            return from + 1;
        };
        let (index, mask) = (block / WORD_BITS, 1 << (block % WORD_BITS));
        let mut batch = Batch { slab, class: cut, slot, index, mask };
        let mut to = from + 1;
        while to < end && self.add_to(&mut batch, self.entry(class, to)) {
            to += 1;
        }
        if slot == self.number {
            self.free_own(batch);
        } else {
            self.free_foreign(batch, class, from..to);
        }
        to
    }

    fn entry(&self, class: Class, index: u32) -> Offset {
        Offset::new((self.magazine(class).get::<SHIFT>(index) as usize) << GRAIN_SHIFT)
    }

    /// Adds the block at `at` to a batch; whether it belongs there, once.
    fn add_to(&self, batch: &mut Batch, at: Offset) -> bool {
        let start = self.space.geometry().slab_start(batch.slab).get();
        let block = Classes::<SHIFT>::block_at(batch.class, at.get().wrapping_sub(start));
        let Some(block) = block.filter(|block| block / WORD_BITS == batch.index) else {
            return false;
        };
        let bit = 1 << (block % WORD_BITS);
        let is_new = batch.mask & bit == 0;
        batch.mask |= bit;
        is_new
    }

    /// A class's block that is whole slabs, or an entry that is nothing.
    fn put_large_back(&self, class: Class, index: u32, place: Option<Place>) {
        // Erased first: a large block may be somebody else's once it is free.
        self.magazine(class).set::<SHIFT>(index, 0);
        match place {
            Some(Place::Large(slab)) => {
                let at = self.space.geometry().slab_start(slab);
                let _: Result<(), FreeError> = self.free_span(at);
            }
            _ => self.space.count_double_free(),
        }
    }

    fn free_own(&self, batch: Batch) {
        let blocks = Classes::<SHIFT>::info(batch.class).blocks as usize;
        let word = self.space.descriptor(batch.slab).local_bits(blocks).word(batch.index);
        let known = word.load(Ordering::Relaxed);
        word.store(known | batch.mask, Ordering::Relaxed);
        let freed = (batch.mask & !known).count_ones() as usize;
        self.space.count_double_frees(known & batch.mask);
        if freed > 0 {
            self.note_freed(batch.slab, batch.class, batch.index, freed);
        }
    }

    fn free_foreign(&self, batch: Batch, class: Class, entries: core::ops::Range<u32>) {
        let descriptor = self.space.descriptor(batch.slab);
        let words = Geometry::<SHIFT>::BITMAP / WORD;
        self.slot.begin(Step::RemoteFree {
            word: batch.slab * words + batch.index,
            mask: batch.mask,
            collected: descriptor.collected().load(Ordering::Acquire),
        });
        for entry in entries {
            self.magazine(class).set::<SHIFT>(entry, 0);
        }
        self.space.count_double_frees(descriptor.remote().free(batch.index, batch.mask));
        self.slot.end();
        self.tell_owner(batch.slab, batch.class, batch.slot);
    }

    fn tell_owner(&self, slab: usize, class: Class, slot: usize) {
        if slot == SHARED {
            self.space.retire_shared(slab, class, &self.slot);
        } else if let Some(dirty) = self.space.dirty_of(slot) {
            self.space.descriptor(slab).remote().announce(slab, &dirty);
        }
    }

    /// Moves the entries `from..count` to the start of the magazine.
    pub(super) fn compact(&self, class: Class, from: u32, count: u32) {
        let magazine = self.magazine(class);
        self.slot.begin(Step::Compact {
            class: class.index(),
            from: from as usize,
            count: count as usize,
        });
        // No entry is overwritten that has yet to move, for at least half of
        // them go: doing it again after a death does no harm.
        for entry in from..count {
            magazine.set::<SHIFT>(entry - from, magazine.get::<SHIFT>(entry));
        }
        magazine.set_count(count - from);
        self.slot.end();
    }

    /// Finishes what the slot's last holder had begun when it died.
    pub(super) fn replay(&self) {
        match self.slot.step() {
            Step::None => {}
            Step::Slabs { first, count } => self.space.table().undo(first, count, self.number),
            Step::Resize { head, first, count } => {
                self.space.recover_resize(head, first, count, self.number);
            }
            Step::RemoteFree { word, mask, collected } => {
                self.replay_remote_free(word, mask, collected);
            }
            Step::Compact { class, from, count } => self.replay_compact(class, from, count),
        }
        self.slot.end();
    }

    /// Frees the blocks of a journalled remote free, unless that was done.
    ///
    /// The bits are set all at once, so one that is set tells that it was done.
    /// If none is, but the owner has collected since, the blocks may have been
    /// freed and handed out again: then they stay as they are, which loses them
    /// at worst.
    fn replay_remote_free(&self, word: usize, mask: usize, collected: usize) {
        let words = Geometry::<SHIFT>::BITMAP / WORD;
        let (slab, index) = (word / words, word % words);
        if slab >= self.space.frontier() {
            return;
        }
        let owner = self.space.owner(slab);
        let Some(class) = Classes::<SHIFT>::get(owner.class) else { return };
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.space.descriptor(slab);
        let local = descriptor.local_bits(blocks).word(index).load(Ordering::Relaxed);
        let remote = descriptor.remote_bits(blocks).word(index).load(Ordering::Acquire);
        let untouched = descriptor.collected().load(Ordering::Acquire) == collected;
        if (local | remote) & mask == 0 && untouched {
            descriptor.remote().free(index, mask);
            self.tell_owner(slab, class, owner.slot);
        }
    }

    fn replay_compact(&self, class: usize, from: usize, count: usize) {
        let Some(class) = Classes::<SHIFT>::get(class) else { return };
        let full = Classes::<SHIFT>::info(class).magazine as usize;
        if from <= count && count <= full && count - from <= from {
            self.compact(class, from as u32, count as u32);
        }
    }
}
