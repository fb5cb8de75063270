//! What tools see of a heap: each slab and each heap slot, as plain values.
//!
//! Nothing is written and nothing allocated, so it works on heaps that are
//! attached for reading only, while others allocate: each value was true at some
//! moment of the walk. Numbers are bounded as everywhere: a damaged heap gives
//! wrong values, and no more of them than there are slabs and slots.

use core::ops::ControlFlow;

use super::space::Space;
use super::{CachedBlock, Fault, ThreadLocalAllocator};
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::{SHARED, SlabState};
use crate::size_class::Classes;
use crate::thread::{Owner, ThreadModel};

/// What some neighbouring slabs are in use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slab {
    /// The number of the first one.
    pub number: usize,
    /// How many there are.
    pub slabs: usize,
    /// Where the first one starts.
    pub at: Offset,
    /// What for.
    pub used: SlabUse,
}

/// What slabs are in use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlabUse {
    /// Nothing.
    Free,
    /// Blocks of a size class.
    Run {
        /// The number of the class.
        class: usize,
        /// The heap slot that owns them; `None` if everybody does.
        slot: Option<usize>,
        /// How many blocks there are.
        blocks: usize,
        /// How many of them are free, without those that slots keep at hand.
        free: usize,
    },
    /// One large block.
    Large,
    /// They are being claimed or freed.
    Changing,
    /// Nothing that can be told: the owner word is damaged.
    Damaged,
}

/// What a heap slot is in use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotUse {
    /// Its number.
    pub number: usize,
    /// Who holds it, if somebody does.
    pub holder: Option<Owner>,
    /// Free blocks that it keeps at hand.
    pub cached: usize,
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Space<'_, B, T, SHIFT> {
    fn slab(&self, number: usize, frontier: usize) -> Slab {
        let owner = self.owner(number);
        let (slabs, used) = match owner.state {
            SlabState::Free => (1, SlabUse::Free),
            SlabState::Forming | SlabState::Freeing => (1, SlabUse::Changing),
            SlabState::Span => (self.span_len(number), SlabUse::Large),
            SlabState::Run => {
                Classes::<SHIFT>::get(owner.class).map_or((1, SlabUse::Damaged), |class| {
                    let info = Classes::<SHIFT>::info(class);
                    let (blocks, class_number) = (info.blocks as usize, class.index());
                    let free = self.free_blocks(number, class, owner);
                    let slot = (owner.slot != SHARED).then_some(owner.slot);
                    (info.run as usize, SlabUse::Run { class: class_number, slot, blocks, free })
                })
            }
            SlabState::Tail | SlabState::Damaged => (1, SlabUse::Damaged),
        };
        let slabs = slabs.clamp(1, frontier - number);
        Slab { number, slabs, at: self.geometry().slab_start(number), used }
    }

    fn slot_use(&self, number: usize) -> SlotUse {
        let mut cached = 0;
        for class in Classes::<SHIFT>::magazines() {
            let _ = self.for_each_entry_of(number, class, &mut |_| {
                cached += 1;
                ControlFlow::Continue(())
            });
        }
        SlotUse { number, holder: self.slots().holder(number), cached }
    }
}

/// For tools that look at heaps.
impl<B: Backend, T: ThreadModel, const SHIFT: u32> ThreadLocalAllocator<B, T, SHIFT> {
    /// Tells `visit` of the slabs from the first one on, and how they are used.
    ///
    /// Those that were never used are not told of.
    pub fn for_each_slab(&self, visit: &mut dyn FnMut(Slab)) {
        let space = self.pages().space();
        let (mut number, frontier) = (0, space.frontier());
        while number < frontier {
            let slab = space.slab(number, frontier);
            visit(slab);
            number += slab.slabs;
        }
    }

    /// Tells `visit` of the heap slots that somebody has ever held.
    pub fn for_each_slot(&self, visit: &mut dyn FnMut(SlotUse)) {
        let space = self.pages().space();
        for slot in space.slots().used() {
            visit(space.slot_use(slot));
        }
    }

    /// Tells `visit` of each free block that a heap slot keeps at hand.
    pub fn for_each_cached(&self, visit: &mut dyn FnMut(CachedBlock)) {
        self.pages().space().for_each_entry(visit);
    }

    /// Walks the heap and tells `visit` of everything that is wrong, until that
    /// breaks off: [`check`](Self::check) stops at the first.
    ///
    /// Meaningful while nobody allocates. It ends whatever the heap holds, but a
    /// badly damaged one may have a fault a slab and one an entry of a magazine.
    pub fn for_each_fault(&self, visit: &mut dyn FnMut(Fault) -> ControlFlow<()>) {
        let _ = self.pages().space().for_each_fault(visit);
    }
}
