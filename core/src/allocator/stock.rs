//! The slabs that a slot keeps, in the hands of who is inside its latch.
//!
//! Mostly that is the slot's holder. A thread that finds no room looks through
//! the stock of others, living or not, and takes what nobody uses: see
//! [reclaim](super::reclaim).
//!
//! # Invariants
//!
//! While a [`Stock`] exists, its maker is inside the latch: nobody else writes
//! the hints of the slot, and the local bitmaps and notes of its slabs.

use core::sync::atomic::Ordering;

use super::slot::Slot;
use super::space::Space;
use crate::backend::Backend;
use crate::segment::Visitor;
use crate::size_class::{Class, Classes};
use crate::thread::ThreadModel;

/// What slot `slot` keeps of slabs.
#[derive(Debug)]
pub(super) struct Stock<'a, B: Backend, T: ThreadModel, const SHIFT: u32> {
    pub(super) space: Space<'a, B, T, SHIFT>,
    pub(super) slot: Slot<'a, SHIFT>,
    /// Notes what is under way: the slot of who is inside.
    pub(super) journal: Slot<'a, SHIFT>,
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Drop for Stock<'_, B, T, SHIFT> {
    fn drop(&mut self) {
        self.slot.latch().leave();
    }
}

impl<'a, B: Backend, T: ThreadModel, const SHIFT: u32> Stock<'a, B, T, SHIFT> {
    /// The stock of `slot`, for the holder of slot `journal`; `None` while
    /// somebody else is inside.
    pub(super) fn enter(
        space: Space<'a, B, T, SHIFT>,
        slot: Slot<'a, SHIFT>,
        journal: Slot<'a, SHIFT>,
    ) -> Option<Self> {
        // Not `then_some`: a stock that is made opens the latch when it is dropped.
        slot.latch().enter(visitor(&slot, &journal)).then(|| Self { space, slot, journal })
    }

    /// The stock of `slot`, for who recovers slot `journal`, whose holder died
    /// inside; `None` if it did not.
    pub(super) fn inherit(
        space: Space<'a, B, T, SHIFT>,
        slot: Slot<'a, SHIFT>,
        journal: Slot<'a, SHIFT>,
    ) -> Option<Self> {
        slot.latch().inherit(visitor(&slot, &journal)).then(|| Self { space, slot, journal })
    }

    /// The slab that a link names, if it is the slot's and of `class`.
    pub(super) fn own_slab(&self, link: u32, class: Class) -> Option<usize> {
        let slab = (link as usize).checked_sub(1)?;
        if slab >= self.space.frontier() {
            return None;
        }
        let owner = self.space.owner(slab);
        (owner.is_run_of(self.slot.number()) && owner.class == class.index()).then_some(slab)
    }

    /// Takes note that blocks of a slab left its bitmap.
    pub(super) fn note_taken(&self, slab: usize, taken: usize) {
        let free = self.space.descriptor(slab).free();
        free.store(free.load(Ordering::Relaxed).saturating_sub(taken), Ordering::Relaxed);
    }

    /// Whether a slab has no block in use when `freed` blocks of it become free:
    /// whether it may be nobody's once note was taken of that.
    pub(super) fn is_emptied_by(&self, slab: usize, class: Class, freed: usize) -> bool {
        let free = self.space.descriptor(slab).free().load(Ordering::Relaxed);
        free.saturating_add(freed) >= Classes::<SHIFT>::info(class).blocks as usize
    }

    /// Takes note that blocks in word `index` of a slab became free.
    ///
    /// If all of them are, the slab may be nobody's afterwards.
    pub(super) fn note_freed(&self, slab: usize, class: Class, index: usize, freed: usize) {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.space.descriptor(slab);
        let free = descriptor.free().load(Ordering::Relaxed).saturating_add(freed).min(blocks);
        descriptor.free().store(free, Ordering::Relaxed);
        if descriptor.cursor().load(Ordering::Relaxed) > index {
            descriptor.cursor().store(index, Ordering::Relaxed);
        }
        if descriptor.listed().load(Ordering::Relaxed) == 0 {
            self.list(slab, class);
        }
        if free == blocks {
            self.note_empty(slab, class);
        }
    }

    /// Adds a slab to the list of its class.
    fn list(&self, slab: usize, class: Class) {
        let (partial, link) = (self.slot.partial(class), slab as u32 + 1);
        let (descriptor, first) = (self.space.descriptor(slab), partial.load(Ordering::Relaxed));
        descriptor.next().store(first as usize, Ordering::Relaxed);
        descriptor.previous().store(0, Ordering::Relaxed);
        descriptor.listed().store(1, Ordering::Relaxed);
        if let Some(first) = self.own_slab(first, class) {
            self.space.descriptor(first).previous().store(link as usize, Ordering::Relaxed);
        }
        partial.store(link, Ordering::Relaxed);
    }

    /// Takes a slab out of the list of its class.
    pub(super) fn unlist(&self, slab: usize, class: Class) {
        let descriptor = self.space.descriptor(slab);
        let next = descriptor.next().load(Ordering::Relaxed);
        let previous = descriptor.previous().load(Ordering::Relaxed);
        descriptor.listed().store(0, Ordering::Relaxed);
        if let Some(next) = self.own_slab(next as u32, class) {
            self.space.descriptor(next).previous().store(previous, Ordering::Relaxed);
        }
        match self.own_slab(previous as u32, class) {
            Some(before) => self.space.descriptor(before).next().store(next, Ordering::Relaxed),
            None => self.slot.partial(class).store(next as u32, Ordering::Relaxed),
        }
    }
}

fn visitor<const SHIFT: u32>(slot: &Slot<'_, SHIFT>, journal: &Slot<'_, SHIFT>) -> Visitor {
    if slot.number() == journal.number() {
        Visitor::Holder
    } else {
        Visitor::Raider(journal.number())
    }
}
