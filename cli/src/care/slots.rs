//! The heap slots of a heap, and whether their holders live.

use anymem::SharedHeap;
use anymem::allocator::{Allocator, SlabUse, SlotUse};
use anymem::thread::Liveness;

/// Whether the holder of a heap slot lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// It does.
    Alive,
    /// It died, and nobody has recovered the slot.
    Dead,
    /// There is none.
    Idle,
}

/// A heap slot that somebody has held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    /// What the heap says of it.
    pub(crate) used: SlotUse,
    /// Whether its holder lives.
    pub(crate) life: Life,
    /// Slabs that it owns.
    pub(crate) slabs: usize,
}

/// The slots of `heap` that somebody has held, in order.
pub(crate) fn slots(heap: &SharedHeap) -> Vec<Slot> {
    let mut slots = Vec::new();
    heap.allocator().for_each_slot(&mut |used| {
        let life = life_of(&used, heap.thread_model());
        slots.push(Slot { used, life, slabs: 0 });
    });
    heap.allocator().for_each_slab(&mut |slab| {
        let SlabUse::Run { slot: Some(owner), .. } = slab.used else { return };
        let found = slots.binary_search_by_key(&owner, |slot| slot.used.number);
        if let Some(slot) = found.ok().and_then(|index| slots.get_mut(index)) {
            slot.slabs += slab.slabs;
        }
    });
    slots
}

fn life_of(slot: &SlotUse, liveness: &dyn Liveness) -> Life {
    match slot.holder {
        Some(holder) if liveness.is_alive(holder) => Life::Alive,
        Some(_) => Life::Dead,
        None => Life::Idle,
    }
}
