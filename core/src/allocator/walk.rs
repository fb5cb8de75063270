//! Walks over a whole heap: statistics and the check of its rules.

use core::alloc::Layout;
use core::sync::atomic::Ordering;

use super::local_heap::GRAIN_SHIFT;
use super::space::{Place, Space};
use super::{Broken, Stats};
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::{OwnerWord, SHARED, SlabState};
use crate::segment::{Counter, Geometry, WORD, WORD_BITS};
use crate::size_class::{Class, Classes};
use crate::sync::Arena;
use crate::thread::ThreadModel;

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
        self.usable(at, whole).unwrap_or(layout.size())
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
        self.for_each_entry(|_, _, place| self.count_entry(place, &mut stats));
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
        let slots = (0..g.slots).filter(|&slot| self.slots().was_used(slot)).count();
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
    fn free_blocks(&self, slab: usize, class: Class, owner: OwnerWord) -> usize {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.descriptor(slab);
        if owner.slot == SHARED {
            return descriptor.shared_bits(blocks).count().min(blocks);
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
    fn is_free(&self, slab: usize, block: usize, class: Class, slot: usize) -> bool {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.descriptor(slab);
        if slot == SHARED {
            return descriptor.shared_bits(blocks).get(block);
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

    /// Calls `visit` with slot, class and place of each entry of each magazine.
    fn for_each_entry(&self, mut visit: impl FnMut(usize, Class, Option<Place>)) {
        for slot in (0..self.geometry().slots).filter(|&slot| self.slots().was_used(slot)) {
            for class in Classes::<SHIFT>::magazines() {
                let Some(magazine) = self.slot(slot).magazine(class) else { continue };
                for index in 0..magazine.count().min(Classes::<SHIFT>::info(class).magazine) {
                    let entry = magazine.get(index) as usize;
                    visit(slot, class, self.place(Offset::new(entry << GRAIN_SHIFT)));
                }
            }
        }
    }

    /// Says which rule does not hold, if one does not.
    pub(crate) fn check(&self) -> Result<(), Broken> {
        let mut slab = 0;
        while slab < self.frontier() {
            slab += self.check_slab(slab)?;
        }
        self.check_magazines()
    }

    /// Checks what starts at `slab`; how many slabs that is.
    fn check_slab(&self, slab: usize) -> Result<usize, Broken> {
        let broken = |what| Err(Broken { what, at: slab });
        let owner = self.owner(slab);
        match owner.state {
            SlabState::Free => Ok(1),
            SlabState::Run => self.check_run(slab, owner),
            SlabState::Span => self.check_span(slab),
            SlabState::Tail => broken("a slab continues a block that does not begin"),
            SlabState::Forming => broken("a slab was left while it was claimed"),
            SlabState::Freeing => broken("a large block was left while it was freed"),
            SlabState::Damaged => broken("a slab's owner word has no known state"),
        }
    }

    fn check_run(&self, slab: usize, owner: OwnerWord) -> Result<usize, Broken> {
        let broken = |what| Err(Broken { what, at: slab });
        let Some(class) = Classes::<SHIFT>::get(owner.class) else {
            return broken("a slab is of a class that there is not");
        };
        let info = Classes::<SHIFT>::info(class);
        let (blocks, run) = (info.blocks as usize, info.run as usize);
        let tails = (slab + 1..slab + run).all(|tail| self.owner(tail).state == SlabState::Tail);
        if !slab.is_multiple_of(run) || !tails {
            return broken("a run is not whole");
        }
        if owner.slot != SHARED && !self.slots().was_used(owner.slot) {
            return broken("a slab is owned by a heap slot that was never used");
        }
        let descriptor = self.descriptor(slab);
        let words = if run == 1 { Geometry::<SHIFT>::BITMAP / WORD } else { 1 };
        let words = words.min(blocks.div_ceil(WORD_BITS));
        let stray = if owner.slot == SHARED {
            descriptor.shared_bits(blocks).has_stray_bits(words)
        } else {
            descriptor.remote_bits(blocks).has_stray_bits(words)
                || descriptor.local_bits(blocks).has_stray_bits(words)
        };
        if stray { broken("a bitmap has bits that no block has") } else { Ok(run) }
    }

    fn check_span(&self, slab: usize) -> Result<usize, Broken> {
        let said = self.descriptor(slab).span().load(Ordering::Relaxed);
        let found = self.span_len(slab);
        let longer =
            self.owner(slab + found).state == SlabState::Tail && slab + found < self.frontier();
        if said != found || longer {
            return Err(Broken { what: "a large block is not as long as it says", at: slab });
        }
        Ok(found)
    }

    fn check_magazines(&self) -> Result<(), Broken> {
        let mut result = Ok(());
        self.for_each_entry(|slot, class, place| {
            let what = match place {
                None => Some("a magazine names no block"),
                Some(Place::Block { slab, block, class: cut, slot: owner }) => {
                    if self.is_free(slab, block, cut, owner) {
                        Some("a block is free in its slab and in a magazine")
                    } else {
                        let fits = cut == class || class == Classes::<SHIFT>::OUTBOX;
                        (!fits).then_some("a magazine names a block of another class")
                    }
                }
                Some(Place::Large(_)) => None,
            };
            if let (Some(what), Ok(())) = (what, result) {
                result = Err(Broken { what, at: slot });
            }
        });
        result
    }
}
