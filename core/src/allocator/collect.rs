//! What others freed in a slot's slabs: moved to where it is handed out from.

use super::stock::Stock;
use crate::backend::Backend;
use crate::page_table::SlabState;
use crate::segment::{Geometry, WORD};
use crate::size_class::{Class, Classes};
use crate::thread::ThreadModel;

/// Bitmap words that are moved together: what others are doing is looked up once
/// for all of them.
const AT_ONCE: usize = 16;

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
        let (mut first, mut count) = (usize::MAX, 0);
        for start in (0..bits.words()).step_by(AT_ONCE) {
            let words = start..bits.words().min(start + AT_ONCE);
            let mut freed = [0; AT_ONCE];
            words.clone().zip(&mut freed).for_each(|(index, freed)| *freed = remote.freed(index));
            if freed == [0; AT_ONCE] {
                continue;
            }
            self.leave_unconfirmed(slab, start, &mut freed);
            for (index, freed) in words.zip(freed) {
                let moved = remote.collect(index, freed, bits.word(index), bits.full(index));
                if moved != 0 {
                    first = first.min(index);
                    count += moved.count_ones() as usize;
                }
            }
        }
        (first, count)
    }

    /// Takes those bits out of `freed`, of the words from `start` on, whose
    /// freers are still at it.
    fn leave_unconfirmed(&self, slab: usize, start: usize, freed: &mut [usize; AT_ONCE]) {
        let first = slab * (Geometry::<SHIFT>::BITMAP / WORD) + start;
        for slot in self.space.slots().held() {
            if let Some((word, mask)) = self.space.slot(slot).steps().remote_free()
                && let Some(freed) = word.checked_sub(first).and_then(|it| freed.get_mut(it))
            {
                *freed &= !mask;
            }
        }
    }
}
