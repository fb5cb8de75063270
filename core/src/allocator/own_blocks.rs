//! Blocks of a slot's own slabs, freed many at a time.
//!
//! What a program frees in no order is in another slab with each entry of a
//! magazine, so what is done for each slab is kept short: no block is looked up
//! that is not needed, and nothing is counted that is known.

use core::sync::atomic::Ordering;

use super::batch::Batch;
use super::local_heap::GRAIN_SHIFT;
use super::space::Place;
use super::stock::Stock;
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::SlabState;
use crate::secure::{Entries, Entry};
use crate::size_class::{Class, Classes, RUN, RunOfBlocks};
use crate::thread::ThreadModel;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Stock<'_, B, T, SHIFT> {
    /// Frees the blocks that entries name, up to the first that is not of a slab
    /// of the slot; how many entries.
    pub(super) fn free_own(&self, entries: Entries<'_>) -> u32 {
        let mut left = entries;
        while let Some(first) = left.first() {
            let Some((slab, class)) = self.own_run_at(first.load(Ordering::Relaxed)) else { break };
            let rest = self.free_in(slab, class, left);
            if rest.len() == left.len() {
                break;
            }
            left = rest;
        }
        (entries.len() - left.len()) as u32
    }

    /// The run of the slot that an entry points into.
    #[inline]
    fn own_run_at(&self, entry: u32) -> Option<(usize, Class)> {
        let at = Offset::new((entry as usize) << GRAIN_SHIFT);
        let slab = self.space.geometry().slab_of(at).filter(|&it| it < self.space.frontier())?;
        let owner = self.space.owner(slab);
        let slab = if owner.state == SlabState::Tail { slab / RUN * RUN } else { slab };
        let owner = self.space.owner(slab);
        let class = Classes::<SHIFT>::get(owner.class)?;
        owner.is_run_of(self.slot.number()).then_some((slab, class))
    }

    /// Frees the blocks of a run that entries name, up to the first that names
    /// something else; the entries from there on.
    #[inline]
    fn free_in<'e>(&self, slab: usize, class: Class, entries: Entries<'e>) -> Entries<'e> {
        let run = self.space.run_of(slab, class);
        let (mut left, mut freed, mut lowest) = (entries, 0, usize::MAX);
        while let Some((batch, rest)) = take_batch(&run, left) {
            freed += left.len() - rest.len() - self.set_free(slab, class, batch);
            lowest = lowest.min(batch.index);
            left = rest;
        }
        if freed > 0 {
            self.note_freed(slab, class, lowest, freed);
        }
        left
    }

    /// Sets the bits of blocks that become free; how many were set already.
    #[inline]
    fn set_free(&self, slab: usize, class: Class, batch: Batch) -> usize {
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let word = self.space.descriptor(slab).local_bits(blocks).word(batch.index);
        let known = word.load(Ordering::Relaxed);
        word.store(known | batch.mask, Ordering::Relaxed);
        if known & batch.mask == 0 {
            return 0;
        }
        let again = (known & batch.mask).count_ones() as usize;
        self.space.count_double_frees(again);
        again
    }

    /// Whether there is a block at `place`, of one of the slot's slabs, and free
    /// there.
    pub(super) fn has_free(&self, place: Option<Place>) -> bool {
        let Some(Place::Block { slab, block, class, slot }) = place else { return false };
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        slot == self.slot.number() && self.space.descriptor(slab).local_bits(blocks).get(block)
    }
}

/// Takes the first entries whose blocks are of a run and can be freed together;
/// the others. `None` if not one is.
#[inline]
fn take_batch<'e>(run: &RunOfBlocks, entries: Entries<'e>) -> Option<(Batch, Entries<'e>)> {
    let number = |entry: Entry<'_>| run.number(entry.load(Ordering::Relaxed));
    let mut batch = Batch::of(number(entries.first()?)?);
    let mut count = 1;
    for entry in entries.iter().skip(1) {
        match number(entry) {
            Some(block) if batch.adopts(block) => batch.add(block),
            _ => break,
        }
        count += 1;
    }
    Some((batch, entries.get(count..)?))
}
