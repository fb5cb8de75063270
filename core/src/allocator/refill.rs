//! Where free blocks come from when a magazine is empty.
//!
//! In this order: the slab the class is cut from at present; the slot's other
//! slabs with free blocks; what others freed in them; a fresh run; and when the
//! heap has none, whatever can be [reclaimed](super::reclaim). While somebody
//! else looks through the slot's slabs, blocks come from slabs that are
//! nobody's.
//!
//! A batch moves from a bitmap word to the magazine by adding the entries,
//! raising the count, and only then clearing the bits: after a death the blocks
//! are in both places, which recovery resolves, and never in neither.

use super::AllocError;
use super::local_heap::{GRAIN_SHIFT, LocalHeap};
use super::slot::Magazine;
use super::stock::Stock;
use crate::backend::Backend;
use crate::page_table::SlabState;
use crate::segment::WORD_BITS;
use crate::size_class::{Class, Classes, GRAIN};
use crate::sync::atomic::{Ordering, compiler_fence};
use crate::thread::ThreadModel;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> LocalHeap<'_, B, T, SHIFT> {
    /// Puts at least one block into the magazine of `class`.
    pub(super) fn refill(&self, class: Class) -> Result<(), AllocError> {
        self.refill_own(class)?;
        if self.magazine(class).count() > 0 {
            return Ok(());
        }
        match self.refill_shared(class) {
            Err(error) if self.reclaim() => self.refill_shared(class).or(Err(error)),
            done => done,
        }
    }

    /// As [`refill`](Self::refill), but while somebody else looks through the
    /// slot's slabs the magazine stays empty.
    pub(super) fn refill_own(&self, class: Class) -> Result<(), AllocError> {
        self.tick();
        self.widen(class);
        match self.fill_own(class) {
            Err(error) if self.reclaim() => self.fill_own(class).or(Err(error)),
            done => done,
        }
    }

    fn fill_own(&self, class: Class) -> Result<(), AllocError> {
        self.stock().map_or(Ok(()), |stock| stock.fill(class, &self.magazine(class)))
    }

    /// Takes a block of a shared slab. A death in between loses it.
    pub(super) fn refill_shared(&self, class: Class) -> Result<(), AllocError> {
        let block = self.space.allocate_shared(class, &self.slot)?;
        self.keep(class, block.get());
        Ok(())
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Stock<'_, B, T, SHIFT> {
    /// Moves blocks into a magazine of `class`.
    fn fill(&self, class: Class, magazine: &Magazine<SHIFT>) -> Result<(), AllocError> {
        if self.fill_from_own(class, magazine) { Ok(()) } else { self.fill_fresh(class, magazine) }
    }

    /// Moves blocks of slabs that the slot owns; whether there were any.
    fn fill_from_own(&self, class: Class, magazine: &Magazine<SHIFT>) -> bool {
        // Each turn drops one slab from the class's list, so this ends; the
        // bound is for lists that somebody tied into a ring.
        for _ in 0..=self.space.geometry().slabs() {
            if self.take_from_current(class, magazine) {
                return true;
            }
            if !self.next_current(class) && !self.collect_dirty() && !self.remember_lists() {
                return false;
            }
        }
        false
    }

    fn fill_fresh(&self, class: Class, magazine: &Magazine<SHIFT>) -> Result<(), AllocError> {
        let slab = self.space.claim_run(class, &self.journal)?;
        self.format(slab, class);
        self.slot.current(class).store(slab as u32 + 1, Ordering::Relaxed);
        if self.take_from_current(class, magazine) { Ok(()) } else { Err(AllocError::Corrupt) }
    }

    /// Makes a claimed run one of free blocks.
    fn format(&self, slab: usize, class: Class) {
        let info = Classes::<SHIFT>::info(class);
        let blocks = info.blocks as usize;
        let descriptor = self.space.descriptor(slab);
        descriptor.next().store(0, Ordering::Relaxed);
        descriptor.listed().store(1, Ordering::Relaxed);
        descriptor.free().store(blocks, Ordering::Relaxed);
        descriptor.cursor().store(0, Ordering::Relaxed);
        descriptor.local_bits(blocks).fill(true);
        descriptor.remote_bits(blocks).fill(false);
        self.space.table().publish(slab, info.run as usize, SlabState::Run, &self.journal);
    }

    /// Moves blocks of the current slab into the magazine; whether there were
    /// any.
    fn take_from_current(&self, class: Class, magazine: &Magazine<SHIFT>) -> bool {
        let current = self.slot.current(class);
        let Some(slab) = self.own_slab(current.load(Ordering::Relaxed), class) else {
            return false;
        };
        if self.take_from(slab, class, magazine) {
            return true;
        }
        current.store(0, Ordering::Relaxed);
        self.space.descriptor(slab).listed().store(0, Ordering::Relaxed);
        false
    }

    /// Moves blocks for half of what the magazine may hold.
    fn take_from(&self, slab: usize, class: Class, magazine: &Magazine<SHIFT>) -> bool {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.space.descriptor(slab);
        let bits = descriptor.local_bits(blocks);
        let first = descriptor.cursor().load(Ordering::Relaxed);
        let want = magazine.limit().div_ceil(2).max(1);
        let mut taken = 0;
        let mut index = first.min(bits.words());
        while index < bits.words() && taken < want {
            taken += self.take_word(slab, class, index, want - taken, magazine);
            index += 1;
        }
        let used_up = taken < want;
        descriptor.cursor().store(if used_up { index } else { index - 1 }, Ordering::Relaxed);
        self.note_taken(slab, taken as usize);
        taken > 0
    }

    /// Moves up to `most` blocks of one bitmap word; how many.
    fn take_word(
        &self,
        slab: usize,
        class: Class,
        index: usize,
        most: u32,
        magazine: &Magazine<SHIFT>,
    ) -> u32 {
        let info = Classes::<SHIFT>::info(class);
        let bits = self.space.descriptor(slab).local_bits(info.blocks as usize);
        let free = bits.word(index).load(Ordering::Relaxed) & bits.full(index);
        let held = magazine.count().min(info.magazine);
        let taken = free.count_ones().min(most).min(info.magazine - held);
        let base = (self.space.geometry().slab_start(slab).get() >> GRAIN_SHIFT) as u32;
        let grains = info.size / GRAIN as u32;
        let mut left = free;
        let mut order = self.order(slab, index);
        // The lowest block goes on top, so that blocks are handed out in the
        // order of their addresses.
        for entry in magazine.entries(held..held + taken).iter().rev() {
            let (bit, rest) = order.next(left);
            let block = (index * WORD_BITS) as u32 + bit;
            entry.store(base + block * grains, Ordering::Relaxed);
            left = rest;
        }
        magazine.set_count(held + taken);
        // A death must leave the blocks in both places, not in neither.
        compiler_fence(Ordering::Release);
        bits.word(index).store(left, Ordering::Relaxed);
        taken
    }

    /// Makes the next slab with free blocks the current one; whether there was
    /// one.
    fn next_current(&self, class: Class) -> bool {
        let partial = self.slot.partial(class);
        let link = partial.load(Ordering::Relaxed);
        let Some(slab) = self.own_slab(link, class) else {
            partial.store(0, Ordering::Relaxed);
            return false;
        };
        self.unlist(slab, class);
        self.note_used(slab, class);
        self.space.descriptor(slab).listed().store(1, Ordering::Relaxed);
        self.slot.current(class).store(link, Ordering::Relaxed);
        true
    }
}
