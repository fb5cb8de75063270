//! Blocks of a slot's own slabs, freed many at a time.
//!
//! What a program frees in no order is in another slab with each entry of a
//! magazine, so what is done for each slab is kept short: no block is looked up
//! that is not needed, and nothing is counted that is known.
//!
//! # Deaths
//!
//! Bits are set while the entries are still there, which recovery resolves for
//! as long as the slab is the slot's. So before a slab that is empty now may be
//! given back, all entries are erased whose blocks have their bits: flushed by
//! whoever recovers the slot, they would free blocks of the slab's next owner.

use core::ops::Range;
use core::sync::atomic::Ordering;

use super::batch::Batch;
use super::local_heap::GRAIN_SHIFT;
use super::slot::Magazine;
use super::space::Place;
use super::stock::Stock;
use crate::backend::Backend;
use crate::offset::Offset;
use crate::secure::{Entries, Entry};
use crate::size_class::{Class, Classes, RunOfBlocks};
use crate::thread::ThreadModel;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Stock<'_, B, T, SHIFT> {
    /// Frees the blocks that the entries `range` of a magazine name, up to the
    /// first that is not of a slab of the slot; how many entries.
    ///
    /// The entries before them have been put back.
    pub(super) fn free_own(&self, magazine: &Magazine<SHIFT>, range: Range<u32>) -> u32 {
        let entries = magazine.entries(range.clone());
        let erase = |left: usize| magazine.fill(0..range.end.saturating_sub(left as u32), 0);
        let mut left = entries;
        while let Some(first) = left.first() {
            let Some((slab, class)) = self.own_run_at(first.load(Ordering::Relaxed)) else { break };
            let rest = self.free_in(slab, class, left, erase);
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
        let (slab, owner) = self.space.head_at(at)?;
        let class = Classes::<SHIFT>::get(owner.class)?;
        owner.is_run_of(self.slot.number()).then_some((slab, class))
    }

    /// Frees the blocks of a run that entries name, up to the first that names
    /// something else; the entries from there on.
    ///
    /// Has all entries before these erased if the run may be given back.
    #[inline]
    fn free_in<'e>(
        &self,
        slab: usize,
        class: Class,
        entries: Entries<'e>,
        erase_before: impl FnOnce(usize),
    ) -> Entries<'e> {
        let run = self.space.run_of(slab, class);
        let (mut left, mut freed, mut lowest) = (entries, 0, usize::MAX);
        while let Some((batch, rest)) = take_batch(&run, left) {
            freed += left.len() - rest.len() - self.set_free(slab, class, batch);
            lowest = lowest.min(batch.index);
            left = rest;
        }
        if freed > 0 {
            if self.is_emptied_by(slab, class, freed) {
                erase_before(left.len());
            }
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

#[cfg(test)]
mod tests {
    use core::alloc::Layout;

    use super::*;
    use crate::allocator::{Allocator, ThreadLocalAllocator};
    use crate::backend::ArrayBackend;
    use crate::offset::AllocatorId;
    use crate::segment::Config;
    use crate::thread::Bare;

    /// A thread that dies while it puts blocks back leaves no entry that names a
    /// block of a slab which is somebody else's by then.
    #[test]
    fn no_entry_names_a_block_of_a_slab_that_was_given_back() {
        let mut memory = [0_u8; 512 << 10];
        let config = Config::new(AllocatorId::new(0, 79)).slots(2);
        let backend = ArrayBackend::<4096>::new(&mut memory);
        let heap = ThreadLocalAllocator::<_, Bare, 12>::create(backend, Bare, &config).unwrap();
        let local = heap.local(heap.create_tls().unwrap()).unwrap();
        let layout = Layout::new::<[u64; 64]>();
        let class = Classes::<12>::of(layout).unwrap();
        let magazine = local.magazine(class);
        let blocks = [0; 48].map(|_| local.allocate(layout).unwrap());
        let slabs = heap.stats().slabs;
        for block in blocks {
            // SAFETY: just allocated with that layout.
            unsafe { local.free(block, layout) }.unwrap();
            let stock = local.stock().unwrap();
            local.put_back(class, 0..magazine.count(), Some(&stock));
            let entries = magazine.entries(0..magazine.count());
            let named = entries.iter().map(|entry| entry.load(Ordering::Relaxed));
            let mut left = named.filter(|&entry| entry != 0);
            assert!(left.all(|entry| stock.own_run_at(entry).is_some()));
            magazine.set_count(0);
        }
        assert!(heap.stats().slabs < slabs, "slabs were given back");
        heap.check().unwrap();
    }
}
