//! Memory that is free but held back: emptied slabs, idle slots, the dead.
//!
//! Slabs whose blocks are all free stay with their slot up to a limit, for they
//! are likely to be needed again. Beyond it, when a thread gives its slot back,
//! on [`trim`](super::ThreadLocalAllocator::trim) and before an allocation
//! fails, they go back to the segment.

use core::sync::atomic::Ordering;

use super::local_heap::LocalHeap;
use crate::backend::Backend;
use crate::page_table::{Journal, SHARED, SlabState};
use crate::size_class::{Class, Classes};
use crate::thread::ThreadModel;

/// Runs that a slot keeps although all their blocks are free.
const KEEP: usize = 16;

impl<'a, B: Backend, T: ThreadModel, const SHIFT: u32> LocalHeap<'a, B, T, SHIFT> {
    /// Gives emptied slabs of `class` back if the slot keeps too many.
    pub(super) fn release_spare(&self, class: Class) {
        if self.slot.spare().load(Ordering::Relaxed) > KEEP {
            let released = self.release_empty(class);
            let spare = self.slot.spare();
            let left = spare.load(Ordering::Relaxed).saturating_sub(released);
            // What is left over belongs to other classes; it must not make
            // every flush of this one walk its list.
            spare.store(left.min(KEEP / 2), Ordering::Relaxed);
        }
    }

    /// Gives the emptied slabs in the list of `class` back; how many runs.
    fn release_empty(&self, class: Class) -> usize {
        let mut link = self.slot.partial(class).swap(0, Ordering::Relaxed);
        let mut released = 0;
        let mut kept = 0;
        for _ in 0..=self.space.geometry().slabs() {
            let Some(slab) = self.own_slab(link, class) else { break };
            let descriptor = self.space.descriptor(slab);
            let next = descriptor.next().load(Ordering::Relaxed) as u32;
            if self.release_if_empty(slab, class) {
                released += 1;
            } else {
                descriptor.next().store(kept as usize, Ordering::Relaxed);
                kept = link;
            }
            link = next;
        }
        self.slot.partial(class).store(kept, Ordering::Relaxed);
        released
    }

    fn release_if_empty(&self, slab: usize, class: Class) -> bool {
        let info = Classes::<SHIFT>::info(class);
        let blocks = info.blocks as usize;
        let descriptor = self.space.descriptor(slab);
        if descriptor.free().load(Ordering::Relaxed) != blocks
            || !descriptor.local_bits(blocks).is_full()
        {
            return false;
        }
        self.space.table().release(slab, info.run as usize, &self.slot);
        true
    }

    /// Gives everything back that the slot holds and nobody uses.
    ///
    /// Looks at every slab of the heap if `thorough`, and so finds frees whose
    /// announcement was lost, else only at what the slot knows of.
    pub(crate) fn drain(&self, thorough: bool) {
        for class in Classes::<SHIFT>::all() {
            self.flush_all(class);
        }
        self.collect_dirty();
        if thorough {
            self.relist();
        }
        for class in Classes::<SHIFT>::all() {
            self.drop_current(class);
            self.release_empty(class);
        }
        self.slot.spare().store(0, Ordering::Relaxed);
    }

    fn drop_current(&self, class: Class) {
        let current = self.slot.current(class).swap(0, Ordering::Relaxed);
        let Some(slab) = self.own_slab(current, class) else { return };
        let descriptor = self.space.descriptor(slab);
        descriptor.listed().store(0, Ordering::Relaxed);
        if descriptor.free().load(Ordering::Relaxed) > 0 {
            self.note_freed(slab, class, 0, 0);
        }
    }

    /// Makes the lists of the slot anew from the bitmaps of all its slabs.
    fn relist(&self) {
        for class in Classes::<SHIFT>::all() {
            self.slot.partial(class).store(0, Ordering::Relaxed);
            self.slot.current(class).store(0, Ordering::Relaxed);
        }
        for slab in 0..self.space.frontier() {
            let owner = self.space.owner(slab);
            let class = Classes::<SHIFT>::get(owner.class);
            if let (true, Some(class)) = (owner.is_run_of(self.number), class) {
                self.relist_slab(slab, class);
            }
        }
    }

    fn relist_slab(&self, slab: usize, class: Class) {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.space.descriptor(slab);
        descriptor.listed().store(0, Ordering::Relaxed);
        descriptor.free().store(descriptor.local_bits(blocks).count(), Ordering::Relaxed);
        self.collect(slab, class);
        let unlisted = descriptor.listed().load(Ordering::Relaxed) == 0;
        if unlisted && descriptor.free().load(Ordering::Relaxed) > 0 {
            self.note_freed(slab, class, 0, 0);
        }
    }

    /// Looks everywhere for memory that nobody uses; whether it is worth
    /// trying again.
    #[cold]
    pub(super) fn reclaim(&self) -> bool {
        if self.space.backend().read_only() {
            return false;
        }
        self.drain(true);
        for slot in (0..self.space.geometry().slots()).filter(|&slot| slot != self.number) {
            self.reclaim_slot(slot);
        }
        self.retire_all();
        self.space.table().rebuild(self.space.frontier());
        true
    }

    /// Drains a slot that nobody holds, or whose holder is dead.
    fn reclaim_slot(&self, slot: usize) {
        let (slots, model) = (self.space.slots(), self.space.model());
        let me = model.owner();
        if slots.was_used(slot) && slots.claim_at(slot, me) {
            self.drain_other(slot, false);
        } else if slots.claim_dead(slot, me, model) {
            self.drain_other(slot, true);
        }
    }

    fn drain_other(&self, slot: usize, dead: bool) {
        // SAFETY: the slot was just claimed for this thread, and no other
        // `LocalHeap` of it exists.
        if let Some(other) = unsafe { LocalHeap::new(self.space, slot) } {
            if dead {
                other.recover();
            } else {
                other.drain(true);
            }
        }
        self.space.slots().release(slot);
    }

    /// Puts what a dead holder left in order; the slot is idle afterwards.
    pub(crate) fn recover(&self) {
        self.replay();
        self.drain(true);
    }

    /// Gives shared slabs without a block in use back.
    fn retire_all(&self) {
        self.space.retire_all(&self.slot);
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> super::space::Space<'_, B, T, SHIFT> {
    /// Gives shared slabs without a block in use back.
    pub(crate) fn retire_all(&self, journal: &impl Journal) {
        for slab in 0..self.frontier() {
            let owner = self.owner(slab);
            if owner.state == SlabState::Run
                && owner.slot == SHARED
                && let Some(class) = Classes::<SHIFT>::get(owner.class)
            {
                self.retire_shared(slab, class, journal);
            }
        }
    }
}
