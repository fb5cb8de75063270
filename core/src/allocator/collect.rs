//! What others freed in a slot's slabs: moved to where it is handed out from.

use core::sync::atomic::Ordering;

use super::stock::Stock;
use crate::backend::Backend;
use crate::page_table::SlabState;
use crate::size_class::{Class, Classes};
use crate::thread::ThreadModel;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Stock<'_, B, T, SHIFT> {
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
        if owner.is_run_of(self.slot.number()) {
            if let Some(class) = Classes::<SHIFT>::get(owner.class) {
                self.collect(slab, class);
            }
        } else if let (SlabState::Run, Some(dirty)) = (owner.state, self.space.dirty_of(owner.slot))
        {
            self.space.descriptor(slab).remote().announce(slab, &dirty);
        }
    }

    /// Moves what others freed in one slab to its local bitmap.
    fn collect(&self, slab: usize, class: Class) {
        let (first, freed) = self.gather(slab, class);
        if freed > 0 {
            self.note_freed(slab, class, first, freed);
        }
    }

    /// Moves the bits; the first word that had any, and how many there were.
    pub(super) fn gather(&self, slab: usize, class: Class) -> (usize, usize) {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.space.descriptor(slab);
        let (bits, remote) = (descriptor.local_bits(blocks), descriptor.remote());
        let (mut first, mut freed) = (usize::MAX, 0);
        for index in 0..bits.words() {
            let moved = remote.collect(index, bits.word(index), bits.full(index));
            if moved != 0 {
                first = first.min(index);
                freed += moved.count_ones() as usize;
            }
        }
        // Last: a free that comes while this is under way is known to have been
        // collected as well, before a block of it can be handed out.
        // Release: what was moved is seen by who sees the count.
        let collected = descriptor.collected();
        collected.store(collected.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
        (first, freed)
    }
}
