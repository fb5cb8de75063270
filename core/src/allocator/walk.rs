//! Walks over a whole heap: what it holds, counted, and what slots cache.

use core::alloc::Layout;
use core::ops::ControlFlow;
use core::sync::atomic::Ordering;

use super::Stats;
use super::local_heap::GRAIN_SHIFT;
use super::space::{Place, Space};
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::{OwnerWord, SHARED, SlabState};
use crate::segment::{Counter, Geometry, WORD};
use crate::size_class::{Class, Classes};
use crate::sync::Arena;
use crate::thread::ThreadModel;

/// A free block that a heap slot keeps at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CachedBlock {
    /// The slot.
    pub slot: usize,
    /// The number of the class whose magazine it is in.
    pub class: usize,
    /// Where the block is, as the entry tells.
    pub at: Offset,
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Space<'_, B, T, SHIFT> {
    /// Bytes of the block at `at` that may be used.
    pub(crate) fn usable_size(&self, at: Offset, layout: Layout) -> usize {
        let whole = || match Classes::<SHIFT>::of(layout) {
            Some(class) => Some(Classes::<SHIFT>::info(class).size as usize),
            None => match self.place(at) {
                Some(Place::Large(slab)) => Some(self.span_len(slab) << SHIFT),
                _ => None,
            },
        };
        self.inside(at, self.usable(at, whole).unwrap_or(layout.size()))
    }

    /// Counts what the heap holds.
    pub(crate) fn stats(&self) -> Stats {
        let g = self.geometry();
        let mut stats = Stats {
            reserved: g.len,
            capacity: g.slabs << SHIFT,
            double_frees: self.counted(Counter::DoubleFrees),
            overflows: self.counted(Counter::Overflows),
            bad_entries: self.counted(Counter::BadEntries),
            ..Stats::EMPTY
        };
        for class in Classes::<SHIFT>::all() {
            stats.classes[class.index()].block_size = Classes::<SHIFT>::info(class).size as usize;
        }
        for slab in 0..self.frontier() {
            self.count_slab(slab, &mut stats);
        }
        self.for_each_entry(&mut |entry| self.count_entry(self.place(entry.at), &mut stats));
        stats.committed += self.committed_metadata();
        for class in &stats.classes {
            stats.live += class.live * class.block_size;
            stats.live_blocks += class.live;
        }
        stats.live += stats.span_slabs << SHIFT;
        stats.live_blocks += stats.spans;
        stats
    }

    fn counted(&self, counter: Counter) -> usize {
        self.bytes.word(counter.at()).load(Ordering::Relaxed)
    }

    fn committed_metadata(&self) -> usize {
        let g = self.geometry();
        let slots = self.slots().used().count();
        let a_slab = Geometry::<SHIFT>::DESCRIPTOR + WORD;
        g.used_at + slots * Geometry::<SHIFT>::SLOT + self.frontier() * a_slab
    }

    fn count_slab(&self, slab: usize, stats: &mut Stats) {
        let owner = self.owner(slab);
        stats.committed += usize::from(self.is_backed(slab)) << SHIFT;
        stats.slabs += usize::from(owner.state != SlabState::Free);
        match owner.state {
            SlabState::Run => {
                if let Some(class) = Classes::<SHIFT>::get(owner.class) {
                    let free = self.free_blocks(slab, class, owner);
                    let counted = &mut stats.classes[class.index()];
                    counted.slabs += Classes::<SHIFT>::info(class).run as usize;
                    counted.free += free;
                    counted.live += Classes::<SHIFT>::info(class).blocks as usize - free;
                }
            }
            SlabState::Span => {
                stats.spans += 1;
                stats.span_slabs += self.span_len(slab);
            }
            _ => {}
        }
    }

    /// Blocks of a run that are free by its bitmaps.
    pub(super) fn free_blocks(&self, slab: usize, class: Class, owner: OwnerWord) -> usize {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.descriptor(slab);
        if owner.slot == SHARED {
            return descriptor.shared_bits(blocks).free();
        }
        let (local, remote) = (descriptor.local_bits(blocks), descriptor.remote_bits(blocks));
        (0..local.words())
            .map(|index| {
                let own = local.word(index).load(Ordering::Relaxed);
                let free = own | remote.word(index).load(Ordering::Relaxed);
                (free & local.full(index)).count_ones() as usize
            })
            .sum()
    }

    /// Whether a block is free by its run's bitmaps.
    pub(super) fn is_free(&self, slab: usize, block: usize, class: Class, slot: usize) -> bool {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.descriptor(slab);
        if slot == SHARED {
            return !descriptor.shared_bits(blocks).is_taken(block);
        }
        descriptor.local_bits(blocks).get(block) || descriptor.remote_bits(blocks).get(block)
    }

    fn count_entry(&self, place: Option<Place>, stats: &mut Stats) {
        match place {
            Some(Place::Block { slab, block, class, slot }) => {
                let counted = &mut stats.classes[class.index()];
                if !self.is_free(slab, block, class, slot) && counted.live > 0 {
                    counted.live -= 1;
                    counted.free += 1;
                }
            }
            Some(Place::Large(slab)) => {
                stats.spans = stats.spans.saturating_sub(1);
                stats.span_slabs = stats.span_slabs.saturating_sub(self.span_len(slab));
            }
            None => {}
        }
    }

    /// Tells `visit` of each entry of each magazine.
    pub(crate) fn for_each_entry(&self, visit: &mut dyn FnMut(CachedBlock)) {
        for slot in self.slots().used() {
            for class in Classes::<SHIFT>::magazines() {
                let _ = self.for_each_entry_of(slot, class, &mut |entry| {
                    visit(entry);
                    ControlFlow::Continue(())
                });
            }
        }
    }

    /// Tells `visit` of each entry of one magazine, until it breaks off.
    pub(super) fn for_each_entry_of(
        &self,
        slot: usize,
        class: Class,
        visit: &mut dyn FnMut(CachedBlock) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(magazine) = self.slot(slot).magazine(class) else {
            return ControlFlow::Continue(());
        };
        let count = magazine.count().min(Classes::<SHIFT>::info(class).magazine);
        (0..count).try_for_each(|index| {
            let at = Offset::new((magazine.get(index) as usize) << GRAIN_SHIFT);
            visit(CachedBlock { slot, class: class.index(), at })
        })
    }
}
