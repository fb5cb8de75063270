//! Memory that is free but held back: emptied slabs, idle slots, the dead.
//!
//! A few slabs whose blocks are all free stay with their slot, for they are
//! likely to be needed again: the current one of each class, until the class is
//! [not used](super::allowance) any more, and some others. Beyond that, when a
//! thread gives its slot back, on
//! [`trim`](super::ThreadLocalAllocator::trim) and before an allocation fails,
//! they go back to the segment. So do runs of several slabs at once: what many
//! blocks of one size have left behind is needed for those of other sizes.
//!
//! Who finds no room looks through the slabs of all slots, also of those whose
//! holders live. Out of reach are only the magazines of the living, which an
//! [allowance](super::allowance) bounds.

use core::sync::atomic::Ordering;

use super::local_heap::LocalHeap;
use super::space::Space;
use super::stock::Stock;
use crate::backend::Backend;
use crate::page_table::Journal;
use crate::size_class::{Class, Classes};
use crate::thread::{Liveness, ThreadModel};

/// Slabs that a slot keeps although all their blocks are free, beside those that
/// are current.
const KEEP: usize = 2;

/// How often a raider looks again whether a living holder has left its latch,
/// letting others run in between.
const PATIENCE: usize = 8;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Stock<'_, B, T, SHIFT> {
    /// Decides what becomes of a run whose blocks are all free.
    pub(super) fn note_empty(&self, slab: usize, class: Class) {
        let current = self.slot.current(class).load(Ordering::Relaxed) == slab as u32 + 1;
        let single = Classes::<SHIFT>::info(class).run == 1;
        match (current, single) {
            (false, _) => self.keep_or_release(slab, class),
            (true, false) => self.drop_current(class),
            (true, true) => {}
        }
    }

    /// Keeps a listed run whose blocks are all free, or gives it back if the
    /// slot keeps many already.
    fn keep_or_release(&self, slab: usize, class: Class) {
        let (spare, slabs) = (self.slot.spare(), Classes::<SHIFT>::info(class).run as usize);
        let kept = spare.load(Ordering::Relaxed).saturating_add(slabs);
        if kept > KEEP && self.release_if_empty(slab, class) {
            self.space.decay(&self.journal);
        } else {
            spare.store(kept, Ordering::Relaxed);
        }
    }

    /// Takes note that a run left the list to be used.
    pub(super) fn note_used(&self, slab: usize, class: Class) {
        let info = Classes::<SHIFT>::info(class);
        if self.space.descriptor(slab).free().load(Ordering::Relaxed) == info.blocks as usize {
            let (spare, slabs) = (self.slot.spare(), info.run as usize);
            spare.store(spare.load(Ordering::Relaxed).saturating_sub(slabs), Ordering::Relaxed);
        }
    }

    /// Gives the emptied runs in the list of `class` back; how many slabs.
    fn release_empty(&self, class: Class) -> usize {
        let mut link = self.slot.partial(class).load(Ordering::Relaxed);
        let mut released = 0;
        for _ in 0..=self.space.geometry().slabs() {
            let Some(slab) = self.own_slab(link, class) else { break };
            link = self.space.descriptor(slab).next().load(Ordering::Relaxed) as u32;
            if self.release_if_empty(slab, class) {
                released += Classes::<SHIFT>::info(class).run as usize;
            }
        }
        released
    }

    /// Gives a listed run back if all its blocks are free; whether they were.
    fn release_if_empty(&self, slab: usize, class: Class) -> bool {
        let info = Classes::<SHIFT>::info(class);
        let (blocks, descriptor) = (info.blocks as usize, self.space.descriptor(slab));
        let all_free = descriptor.free().load(Ordering::Relaxed) == blocks
            && descriptor.local_bits(blocks).is_full();
        if all_free {
            self.unlist(slab, class);
            self.space.table().release(slab, info.run as usize, &self.journal);
        }
        all_free
    }

    /// Gives every slab back that nobody uses.
    ///
    /// Looks at every slab of the heap if `thorough`, and so finds frees whose
    /// announcement a death has lost, else only at what the slot knows of.
    pub(super) fn drain(&self, thorough: bool) {
        self.collect_dirty();
        if thorough && self.space.model().may_die() {
            self.relist();
        } else {
            self.remember_lists();
        }
        for class in Classes::<SHIFT>::all() {
            self.drop_current(class);
            self.release_empty(class);
        }
        self.slot.spare().store(0, Ordering::Relaxed);
    }

    /// Gives back what the slot keeps for a class that is not in use.
    pub(super) fn forgo(&self, class: Class) {
        self.drop_current(class);
        let released = self.release_empty(class);
        let spare = self.slot.spare();
        spare.store(spare.load(Ordering::Relaxed).saturating_sub(released), Ordering::Relaxed);
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

    /// Forgets which slabs of the slot have free blocks: a death may have left
    /// the lists in between.
    fn forget_lists(&self) {
        for class in Classes::<SHIFT>::all() {
            self.slot.partial(class).store(0, Ordering::Relaxed);
            self.slot.current(class).store(0, Ordering::Relaxed);
        }
        self.slot.spare().store(0, Ordering::Relaxed);
        self.slot.unlisted().store(1, Ordering::Relaxed);
    }

    /// Makes the lists anew if they were forgotten; whether they were.
    pub(super) fn remember_lists(&self) -> bool {
        let forgotten = self.slot.unlisted().load(Ordering::Relaxed) != 0;
        if forgotten {
            self.relist();
        }
        forgotten
    }

    /// Makes the lists of the slot anew from the bitmaps of all its slabs.
    fn relist(&self) {
        self.forget_lists();
        for slab in 0..self.space.frontier() {
            let owner = self.space.owner(slab);
            let class = Classes::<SHIFT>::get(owner.class);
            if let (true, Some(class)) = (owner.is_run_of(self.slot.number()), class) {
                self.relist_slab(slab, class);
            }
        }
        self.slot.unlisted().store(0, Ordering::Relaxed);
    }

    fn relist_slab(&self, slab: usize, class: Class) {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.space.descriptor(slab);
        self.gather(slab, class);
        let free = descriptor.local_bits(blocks).count();
        descriptor.listed().store(0, Ordering::Relaxed);
        descriptor.free().store(0, Ordering::Relaxed);
        if free > 0 {
            self.note_freed(slab, class, 0, free);
        }
    }
}

impl<'a, B: Backend, T: ThreadModel, const SHIFT: u32> LocalHeap<'a, B, T, SHIFT> {
    /// Gives everything back that the slot holds and nobody uses; `thorough` as
    /// for [`Stock::drain`].
    pub(crate) fn drain(&self, thorough: bool) {
        let stock = self.stock();
        self.narrow(stock.as_ref());
        if let Some(stock) = stock {
            stock.drain(thorough);
        }
    }

    /// Looks everywhere for memory that nobody uses; whether it is worth
    /// trying again.
    #[cold]
    pub(crate) fn reclaim(&self) -> bool {
        if self.space.backend().read_only() {
            return false;
        }
        self.drain(true);
        self.space.recover_guests();
        for slot in self.space.slots().used().filter(|&it| it != self.slot.number()) {
            self.reclaim_slot(slot);
        }
        self.space.retire_all(&self.slot);
        true
    }

    fn reclaim_slot(&self, slot: usize) {
        let me = self.space.model().owner();
        if self.space.slots().claim_at(slot, me) {
            self.drain_other(slot, false);
        } else if self.space.claim_dead(slot) {
            self.drain_other(slot, true);
        } else if let Some(stock) = self.raid(slot) {
            stock.drain(false);
        }
    }

    /// The stock of a slot with a living holder.
    fn raid(&self, slot: usize) -> Option<Stock<'a, B, T, SHIFT>> {
        (0..PATIENCE).find_map(|turn| {
            if turn > 0 {
                self.space.model().yield_now();
            }
            Stock::enter(self.space, self.space.slot(slot), self.slot)
        })
    }

    fn drain_other(&self, slot: usize, dead: bool) {
        // SAFETY: the slot was just claimed for this thread, and no other
        // `LocalHeap` of it exists.
        if let Some(other) = unsafe { LocalHeap::new(self.space, slot) } {
            if dead {
                other.recover();
            }
            other.drain(true);
        }
        self.space.slots().release(slot);
    }

    /// Puts what a dead holder left in order.
    ///
    /// Its magazines become free blocks of slabs. The slabs stay the slot's, and
    /// are not looked at now, so that this takes no longer the more there are:
    /// that is for the slot's next holder when it needs some, or for whoever
    /// finds no room.
    pub(crate) fn recover(&self) {
        self.replay();
        let left = self.left_over();
        let stock = Stock::inherit(self.space, self.slot, self.slot);
        let stock = stock.or_else(|| self.stock());
        if let Some(stock) = &stock {
            self.erase_returned(stock);
        }
        self.free_left_over(left, stock.as_ref());
        self.narrow(stock.as_ref());
        if let Some(stock) = stock {
            stock.forget_lists();
        }
        for slot in self.space.slots().used().filter(|&it| it != self.slot.number()) {
            if let Some(raided) = Stock::inherit(self.space, self.space.slot(slot), self.slot) {
                raided.forget_lists();
            }
        }
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Space<'_, B, T, SHIFT> {
    /// Gives shared slabs without a block in use back, and corrects the hints about all slabs.
    pub(crate) fn retire_all(&self, journal: &impl Journal) {
        self.table().rebuild(self.frontier(), |slab, owner| {
            if let Some(class) = Classes::<SHIFT>::get(owner.class) {
                self.retire_shared(slab, class, journal);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use core::alloc::Layout;
    use core::{iter, mem};

    use super::*;
    use crate::allocator::{Allocator, ThreadLocalAllocator};
    use crate::backend::ArrayBackend;
    use crate::offset::{AllocatorId, Offset};
    use crate::secure;
    use crate::segment::{Config, Geometry, Step};
    use crate::thread::{Bare, Context};

    type Heap<'a> = ThreadLocalAllocator<ArrayBackend<'a, 4096>, Bare, 12>;

    fn heap(memory: &mut [u8]) -> Heap<'_> {
        let config = Config::new(AllocatorId::new(0, 78)).slots(4);
        ThreadLocalAllocator::create(ArrayBackend::new(memory), Bare, &config).unwrap()
    }

    type Local<'a, 'm> = LocalHeap<'a, ArrayBackend<'m, 4096>, Bare, 12>;

    fn slot<'a, 'm>(heap: &'a Heap<'m>) -> Local<'a, 'm> {
        heap.local(heap.create_tls().unwrap()).unwrap()
    }

    /// A block of a class whose runs have eight slabs.
    const BLOCK: Layout = Layout::new::<[u64; 100]>();

    /// A block of a class whose runs have one.
    const SMALL: Layout = Layout::new::<[u64; 4]>();

    /// Allocates and frees; the slot keeps an empty slab then.
    fn keep_empty_slab(heap: &Local<'_, '_>) {
        let block = heap.allocate(SMALL).unwrap();
        // SAFETY: just allocated with that layout.
        unsafe { heap.free(block, SMALL) }.unwrap();
        heap.narrow(heap.stock().as_ref());
        assert_eq!(heap.space.stats().slabs, 1);
    }

    /// Blocks of many sizes that are used once do not each keep a run.
    #[test]
    fn an_empty_run_of_several_slabs_is_not_kept() {
        let mut memory = [0_u8; 512 << 10];
        let heap = heap(&mut memory);
        let local = slot(&heap);
        let block = local.allocate(BLOCK).unwrap();
        let class = Classes::<12>::of(BLOCK).unwrap();
        local.flush_all(class, local.stock().as_ref());
        assert_eq!(heap.stats().slabs, 8);
        // SAFETY: just allocated with that layout.
        unsafe { local.free(block, BLOCK) }.unwrap();
        local.flush_all(class, local.stock().as_ref());
        assert_eq!(heap.stats().slabs, 0);
    }

    /// Hints are not believed before an allocation fails.
    #[test]
    fn slabs_that_only_seem_to_be_used_are_found() {
        let mut memory = [0_u8; 512 << 10];
        let heap = heap(&mut memory);
        let local = slot(&heap);
        let used = local.allocate(BLOCK).unwrap();
        let slabs = heap.stats().capacity / Geometry::<12>::SLAB;
        local.space.table().used_bits().set(0, slabs);
        let span = Layout::from_size_align(20 * Geometry::<12>::SLAB, 8).unwrap();
        assert_ne!(local.allocate(span).unwrap(), used);
        heap.check().unwrap();
    }

    /// A shared slab without a block in use is kept until somebody else needs it.
    #[test]
    fn an_empty_shared_slab_is_given_back_before_an_allocation_fails() {
        let mut memory = [0_u8; 512 << 10];
        let heap = heap(&mut memory);
        let block = heap.allocate(Context::DEFAULT, SMALL).unwrap();
        // SAFETY: just allocated with that layout.
        unsafe { heap.free(Context::DEFAULT, block, SMALL) }.unwrap();
        assert_eq!(heap.stats().slabs, 1);
        let all = Layout::from_size_align(heap.stats().capacity, 8).unwrap();
        // With a guard behind it, it is larger than the heap.
        assert!(secure::ON || slot(&heap).allocate(all).is_ok());
        heap.check().unwrap();
    }

    /// A thread dies while it gives a run back; others use what is free of it
    /// already, and keep it when the rest is recovered.
    #[test]
    fn a_release_that_a_death_cut_short_frees_nothing_of_others() {
        let mut memory = [0_u8; 512 << 10];
        let heap = heap(&mut memory);
        let (dead, other) = (slot(&heap), slot(&heap));
        let block = dead.distance(dead.allocate(BLOCK).unwrap());
        let first = dead.space.geometry().slab_of(Offset::new(block)).unwrap() / 8 * 8;
        dead.narrow(dead.stock().as_ref());
        dead.slot.begin(Step::Slabs { first, count: 8 });
        dead.space.table().dismantle(first, dead.slot.number());
        dead.space.table().release_all(first + 5, 3);
        let span = Layout::from_size_align(3 * Geometry::<12>::SLAB, 8).unwrap();
        let tail = dead.space.geometry().slab_start(first + 5).get();
        let taken = iter::repeat_with(|| other.distance(other.allocate(span).unwrap()));
        let spans = 1 + taken.take_while(|&at| at != tail).count();

        dead.recover();
        heap.check().unwrap();
        assert_eq!(heap.stats().spans, spans);
    }

    /// A thread dies while it looks through another's slabs.
    #[test]
    fn a_dead_raider_leaves_the_slabs_to_their_slot() {
        let mut memory = [0_u8; 512 << 10];
        let heap = heap(&mut memory);
        let (holder, dead) = (slot(&heap), slot(&heap));
        keep_empty_slab(&holder);
        mem::forget(dead.raid(holder.slot.number()).unwrap());
        assert!(holder.stock().is_none());
        dead.recover();
        assert!(holder.stock().is_some());
        holder.drain(false);
        assert_eq!(heap.stats().slabs, 0, "the holder finishes what was begun");
    }

    /// A thread dies among its own slabs.
    #[test]
    fn a_dead_holder_leaves_its_slabs_to_who_recovers_them() {
        let mut memory = [0_u8; 512 << 10];
        let heap = heap(&mut memory);
        let (dead, other) = (slot(&heap), slot(&heap));
        keep_empty_slab(&dead);
        mem::forget(dead.stock().unwrap());
        assert!(other.raid(dead.slot.number()).is_none());
        dead.recover();
        assert!(dead.stock().is_some());
        dead.drain(false);
        assert_eq!(heap.stats().slabs, 0);
    }

    /// Slabs of a dead thread serve whoever holds its slot next, before a fresh
    /// one is claimed.
    #[test]
    fn who_holds_the_slot_next_finds_its_slabs() {
        let mut memory = [0_u8; 512 << 10];
        let heap = heap(&mut memory);
        let dead = slot(&heap);
        let blocks = [0; 100].map(|_| dead.allocate(SMALL).unwrap());
        let slabs = heap.stats().slabs;
        // SAFETY: each was allocated with that layout, once.
        blocks.into_iter().for_each(|block| unsafe { dead.free(block, SMALL) }.unwrap());
        dead.recover();
        let _blocks = [0; 100].map(|_| dead.allocate(SMALL).unwrap());
        assert_eq!(heap.stats().slabs, slabs);
    }

    /// A thread dies after it put a block back, before the block left its
    /// magazine: the block is free, and nobody freed it twice.
    #[test]
    fn a_flush_that_a_death_cut_short_is_no_double_free() {
        let mut memory = [0_u8; 512 << 10];
        let heap = heap(&mut memory);
        let dead = slot(&heap);
        let class = Classes::<12>::of(SMALL).unwrap();
        let block = dead.allocate(SMALL).unwrap();
        // SAFETY: just allocated with that layout.
        unsafe { dead.free(block, SMALL) }.unwrap();
        let stock = dead.stock().unwrap();
        dead.put_back(class, 0..dead.magazine(class).count(), Some(&stock));
        mem::forget(stock);
        dead.recover();
        dead.drain(false);
        heap.check().unwrap();
        let stats = heap.stats();
        assert_eq!((stats.slabs, stats.live_blocks, stats.double_frees), (0, 0, 0));
    }

    /// While somebody looks through its slabs, a holder allocates and frees all
    /// the same.
    #[test]
    fn a_raided_holder_goes_on() {
        let mut memory = [0_u8; 512 << 10];
        let heap = heap(&mut memory);
        let (holder, raider) = (slot(&heap), slot(&heap));
        let own = [0; 40].map(|_| holder.allocate(SMALL).unwrap());
        let stock = raider.raid(holder.slot.number()).unwrap();
        let meanwhile = [0; 40].map(|_| holder.allocate(SMALL).unwrap());
        let blocks = own.into_iter().chain(meanwhile);
        // SAFETY: each was allocated with that layout, once.
        blocks.for_each(|block| unsafe { holder.free(block, SMALL) }.unwrap());
        drop(stock);
        raider.reclaim();
        heap.check().unwrap();
        let stats = heap.stats();
        assert_eq!((stats.live_blocks, stats.double_frees), (0, 0));
        holder.drain(false);
        raider.reclaim();
        assert_eq!(heap.stats().slabs, 0, "nothing is lost");
    }
}
