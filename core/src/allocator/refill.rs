//! Where free blocks come from when a magazine is empty.
//!
//! In this order: the slab the class is cut from at present; its other slabs
//! with free blocks; what others freed in the slot's slabs; a fresh run; and
//! when the heap has none, whatever can be [reclaimed](super::reclaim).
//!
//! A batch moves from a bitmap word to the magazine by adding the entries,
//! raising the count, and only then clearing the bits: after a death the blocks
//! are in both places, which recovery resolves, and never in neither.

use core::sync::atomic::{Ordering, compiler_fence};

use super::AllocError;
use super::local_heap::{GRAIN_SHIFT, LocalHeap};
use crate::backend::Backend;
use crate::page_table::SlabState;
use crate::segment::WORD_BITS;
use crate::size_class::{Class, Classes, GRAIN};
use crate::thread::ThreadModel;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> LocalHeap<'_, B, T, SHIFT> {
    /// Puts at least one block into the magazine of `class`.
    pub(super) fn refill(&self, class: Class) -> Result<(), AllocError> {
        if self.refill_own(class) {
            return Ok(());
        }
        match self.refill_fresh(class) {
            Err(error) if self.reclaim() => {
                if self.refill_own(class) {
                    Ok(())
                } else {
                    self.refill_fresh(class).or(Err(error))
                }
            }
            done => done,
        }
    }

    /// Takes blocks from slabs that the slot owns.
    fn refill_own(&self, class: Class) -> bool {
        // Each turn drops one slab from the class's list, so this ends; the
        // bound is for lists that somebody tied into a ring.
        for _ in 0..=self.space.geometry().slabs() {
            if self.take_from_current(class) {
                return true;
            }
            if !self.next_current(class) && !self.collect_dirty() {
                return false;
            }
        }
        false
    }

    fn refill_fresh(&self, class: Class) -> Result<(), AllocError> {
        let slab = self.space.claim_run(class, self.number, &self.slot)?;
        self.format(slab, class);
        self.slot.current(class).store(slab as u32 + 1, Ordering::Relaxed);
        if self.take_from_current(class) { Ok(()) } else { Err(AllocError::Corrupt) }
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
        self.space.table().publish(slab, info.run as usize, SlabState::Run, &self.slot);
    }

    /// Moves blocks of the current slab into the magazine; whether there were
    /// any.
    fn take_from_current(&self, class: Class) -> bool {
        let current = self.slot.current(class);
        let Some(slab) = self.own_slab(current.load(Ordering::Relaxed), class) else {
            return false;
        };
        if self.take_from(slab, class) {
            return true;
        }
        current.store(0, Ordering::Relaxed);
        self.space.descriptor(slab).listed().store(0, Ordering::Relaxed);
        false
    }

    /// The slab that a link names, if it is the slot's and of `class`.
    pub(super) fn own_slab(&self, link: u32, class: Class) -> Option<usize> {
        let slab = (link as usize).checked_sub(1)?;
        if slab >= self.space.frontier() {
            return None;
        }
        let owner = self.space.owner(slab);
        (owner.is_run_of(self.number) && owner.class == class.index()).then_some(slab)
    }

    fn take_from(&self, slab: usize, class: Class) -> bool {
        let info = Classes::<SHIFT>::info(class);
        let descriptor = self.space.descriptor(slab);
        let bits = descriptor.local_bits(info.blocks as usize);
        let first = descriptor.cursor().load(Ordering::Relaxed);
        let want = info.magazine.div_ceil(2);
        let mut taken = 0;
        let mut index = first.min(bits.words());
        while index < bits.words() && taken < want {
            taken += self.take_word(slab, class, index, want - taken);
            index += 1;
        }
        let used_up = taken < want;
        descriptor.cursor().store(if used_up { index } else { index - 1 }, Ordering::Relaxed);
        self.note_taken(slab, info.blocks as usize, taken as usize);
        taken > 0
    }

    /// Moves up to `most` blocks of one bitmap word; how many.
    fn take_word(&self, slab: usize, class: Class, index: usize, most: u32) -> u32 {
        let info = Classes::<SHIFT>::info(class);
        let descriptor = self.space.descriptor(slab);
        let bits = descriptor.local_bits(info.blocks as usize);
        let free = bits.word(index).load(Ordering::Relaxed) & bits.full(index);
        let magazine = self.magazine(class);
        let held = magazine.count().min(info.magazine);
        let taken = free.count_ones().min(most).min(info.magazine - held);
        let base = (self.space.geometry().slab_start(slab).get() >> GRAIN_SHIFT) as u32;
        let grains = info.size / GRAIN as u32;
        let mut left = free;
        // The lowest block goes on top, so that blocks are handed out in the
        // order of their addresses.
        for entry in magazine.entries::<SHIFT>(held..held + taken).iter().rev() {
            let block = (index * WORD_BITS) as u32 + left.trailing_zeros();
            entry.store(base + block * grains, Ordering::Relaxed);
            left &= left.wrapping_sub(1);
        }
        magazine.set_count(held + taken);
        compiler_fence(Ordering::SeqCst);
        bits.word(index).store(left, Ordering::Relaxed);
        taken
    }

    fn note_taken(&self, slab: usize, blocks: usize, taken: usize) {
        let free = self.space.descriptor(slab).free();
        let before = free.load(Ordering::Relaxed);
        free.store(before.saturating_sub(taken), Ordering::Relaxed);
        if before == blocks && taken > 0 {
            let spare = self.slot.spare();
            spare.store(spare.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
        }
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
        let next = self.space.descriptor(slab).next().load(Ordering::Relaxed);
        partial.store(next as u32, Ordering::Relaxed);
        self.slot.current(class).store(link, Ordering::Relaxed);
        true
    }

    /// Moves what others freed in the slot's slabs to their local bitmaps;
    /// whether there was anything.
    pub(super) fn collect_dirty(&self) -> bool {
        let dirty = self.slot.dirty();
        if dirty.is_empty() {
            return false;
        }
        let mut next = dirty.take();
        for _ in 0..self.space.geometry().slabs() {
            let Some(slab) = next.filter(|&slab| slab < self.space.frontier()) else { break };
            let descriptor = self.space.descriptor(slab);
            next = dirty.next(descriptor.link_at());
            descriptor.remote().received();
            self.collect_or_pass_on(slab);
        }
        true
    }

    /// A slab may have changed hands between a free and its announcement.
    fn collect_or_pass_on(&self, slab: usize) {
        let owner = self.space.owner(slab);
        if owner.is_run_of(self.number) {
            if let Some(class) = Classes::<SHIFT>::get(owner.class) {
                self.collect(slab, class);
            }
        } else if let (SlabState::Run, Some(dirty)) = (owner.state, self.space.dirty_of(owner.slot))
        {
            self.space.descriptor(slab).remote().announce(slab, &dirty);
        }
    }

    /// Moves what others freed in one slab to its local bitmap.
    pub(super) fn collect(&self, slab: usize, class: Class) {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.space.descriptor(slab);
        let (bits, remote) = (descriptor.local_bits(blocks), descriptor.remote());
        let collected = descriptor.collected();
        collected.store(collected.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
        for index in 0..bits.words() {
            let freed = remote.collect(index, bits.word(index), bits.full(index));
            if freed != 0 {
                self.note_freed(slab, class, index, freed.count_ones() as usize);
            }
        }
    }

    /// Takes note that blocks in word `index` of one of the slot's slabs became
    /// free.
    pub(super) fn note_freed(&self, slab: usize, class: Class, index: usize, freed: usize) {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.space.descriptor(slab);
        let free = descriptor.free().load(Ordering::Relaxed).saturating_add(freed).min(blocks);
        descriptor.free().store(free, Ordering::Relaxed);
        if descriptor.cursor().load(Ordering::Relaxed) > index {
            descriptor.cursor().store(index, Ordering::Relaxed);
        }
        if descriptor.listed().load(Ordering::Relaxed) == 0 {
            let partial = self.slot.partial(class);
            descriptor.next().store(partial.load(Ordering::Relaxed) as usize, Ordering::Relaxed);
            descriptor.listed().store(1, Ordering::Relaxed);
            partial.store(slab as u32 + 1, Ordering::Relaxed);
        }
        if free == blocks {
            let spare = self.slot.spare();
            spare.store(spare.load(Ordering::Relaxed).saturating_add(1), Ordering::Relaxed);
        }
    }
}
