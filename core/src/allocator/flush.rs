//! Where freed blocks go when a magazine is full.
//!
//! The older half of the entries goes back to the bitmaps: one plain store a
//! word for the slot's own slabs, one `fetch_or` a word for others'. Then the
//! younger half moves down.
//!
//! # Deaths
//!
//! An own block's bit is set while the entry is still there: both is fine. A
//! block of another owner's slab may be handed out anew the moment its bit is
//! set, so its entry is erased first, and the journal names it in between. A
//! block of a shared run is freed by itself, without a journal, for nobody could
//! tell afterwards whether that was done: a death loses this one block.

use core::ops::Range;
use core::sync::atomic::Ordering;

use super::FreeError;
use super::local_heap::{GRAIN_SHIFT, LocalHeap};
use super::slot::Step;
use super::space::Place;
use super::stock::Stock;
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::{SHARED, SlabState};
use crate::segment::{Geometry, WORD, WORD_BITS};
use crate::size_class::{Class, Classes, WordOfBlocks};
use crate::thread::ThreadModel;

/// Where the block is that a magazine's entry names.
fn offset_of(entry: u32) -> Offset {
    Offset::new((entry as usize) << GRAIN_SHIFT)
}

/// The bits of one bitmap word that are to be set together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Batch {
    slab: usize,
    class: Class,
    slot: usize,
    index: usize,
    mask: usize,
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> LocalHeap<'_, B, T, SHIFT> {
    /// Makes room in the magazine of `class`, if it may have any.
    pub(super) fn flush(&self, class: Class) {
        self.tick();
        self.widen(class);
        let magazine = self.magazine(class);
        let count = self.entries_of(class);
        if count < magazine.limit() {
            return;
        }
        let stock = self.stock();
        let half = count.div_ceil(2);
        self.put_back(class, half, stock.as_ref());
        self.compact(class, half, count);
    }

    /// Empties the magazine of `class`.
    pub(super) fn flush_all(&self, class: Class, stock: Option<&Stock<'_, B, T, SHIFT>>) {
        self.put_back(class, self.entries_of(class), stock);
        self.magazine(class).set_count(0);
    }

    /// Adds a block to the magazine of `class`, whatever its limit.
    pub(super) fn keep(&self, class: Class, at: usize) {
        let magazine = self.magazine(class);
        let count = self.entries_of(class);
        magazine.set(count, (at >> GRAIN_SHIFT) as u32);
        magazine.set_count(count + 1);
    }

    /// How many entries the magazine of `class` has.
    fn entries_of(&self, class: Class) -> u32 {
        self.magazine(class).count().min(Classes::<SHIFT>::info(class).magazine)
    }

    /// Puts the first `end` entries of a magazine back where they came from.
    pub(super) fn put_back(&self, class: Class, end: u32, stock: Option<&Stock<'_, B, T, SHIFT>>) {
        let mut from = 0;
        while from < end {
            from = self.put_some_back(class, from, end, stock);
        }
    }

    /// Puts back the entries that share a bitmap word with the one at `from`;
    /// where to go on.
    fn put_some_back(
        &self,
        class: Class,
        from: u32,
        end: u32,
        stock: Option<&Stock<'_, B, T, SHIFT>>,
    ) -> u32 {
        let place = self.space.place(self.entry(class, from));
        let Some(Place::Block { slab, block, class: cut, slot }) = place else {
            self.put_large_back(class, from, place);
            return from + 1;
        };
        if slot == SHARED {
            self.put_shared_back(class, from, (slab, block, cut));
            return from + 1;
        }
        let (index, mask) = (block / WORD_BITS, 1 << (block % WORD_BITS));
        let mut batch = Batch { slab, class: cut, slot, index, mask };
        let to = self.extend(&mut batch, class, from + 1..end);
        match stock {
            Some(stock) if slot == self.slot.number() => stock.free_own(batch),
            // Also the slot's own, while somebody else looks through its slabs.
            _ => self.free_foreign(batch, class, from..to),
        }
        to
    }

    fn put_shared_back(&self, class: Class, index: u32, (slab, block, cut): (usize, usize, Class)) {
        self.magazine(class).set(index, 0);
        if self.space.free_shared(slab, block, cut, &self.slot).is_err() {
            self.space.count_double_free();
        }
    }

    fn entry(&self, class: Class, index: u32) -> Offset {
        offset_of(self.magazine(class).get(index))
    }

    /// Adds as many of the entries of `range` to a batch as belong there, each
    /// once; where to go on.
    fn extend(&self, batch: &mut Batch, class: Class, range: Range<u32>) -> u32 {
        let (magazine, word) = (self.magazine(class), self.word_of(batch));
        let mut to = range.start;
        for entry in magazine.entries(range) {
            match word.bit(entry.load(Ordering::Relaxed)) {
                Some(bit) if batch.mask & bit == 0 => batch.mask |= bit,
                _ => break,
            }
            to += 1;
        }
        to
    }

    /// The blocks that may be in a batch.
    fn word_of(&self, batch: &Batch) -> WordOfBlocks {
        let run = self.space.geometry().slab_start(batch.slab).get();
        WordOfBlocks::new::<SHIFT>(batch.class, run, batch.index)
    }

    /// A class's block that is whole slabs, or an entry that is nothing.
    fn put_large_back(&self, class: Class, index: u32, place: Option<Place>) {
        let erased = self.entry(class, index).is_null();
        // Erased first: a large block may be somebody else's once it is free.
        self.magazine(class).set(index, 0);
        match place {
            Some(Place::Large(slab)) => {
                let at = self.space.geometry().slab_start(slab);
                let _: Result<(), FreeError> = self.free_span(at);
            }
            // By a flush that a death cut short.
            _ if erased => {}
            _ => self.space.count_double_free(),
        }
    }

    fn free_foreign(&self, batch: Batch, class: Class, entries: Range<u32>) {
        let descriptor = self.space.descriptor(batch.slab);
        let words = Geometry::<SHIFT>::BITMAP / WORD;
        self.slot.begin(Step::RemoteFree {
            word: batch.slab * words + batch.index,
            mask: batch.mask,
            collected: descriptor.collected().load(Ordering::Acquire),
        });
        self.magazine(class).fill(entries, 0);
        self.space.count_double_frees(descriptor.remote().free(batch.index, batch.mask));
        self.slot.end();
        self.tell_owner(batch.slab, batch.slot);
    }

    fn tell_owner(&self, slab: usize, slot: usize) {
        if let Some(dirty) = self.space.dirty_of(slot) {
            self.space.descriptor(slab).remote().announce(slab, &dirty);
        }
    }

    /// Moves the entries `from..count` to the start of the magazine.
    pub(super) fn compact(&self, class: Class, from: u32, count: u32) {
        let magazine = self.magazine(class);
        self.slot.begin(Step::Compact {
            class: class.index(),
            from: from as usize,
            count: count as usize,
        });
        // No entry is overwritten that has yet to move, for at least half of
        // them go: doing it again after a death does no harm.
        let stay = magazine.entries(from..count);
        for (to, entry) in magazine.entries(0..from).iter().zip(stay) {
            to.store(entry.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        magazine.set_count(count - from);
        self.slot.end();
    }

    /// Erases the entries of blocks that are free in their slabs as well: a
    /// death cut their move to or from the magazine short.
    pub(super) fn erase_returned(&self, stock: &Stock<'_, B, T, SHIFT>) {
        for class in Classes::<SHIFT>::magazines() {
            for index in 0..self.entries_of(class) {
                if stock.has_free(self.space.place(self.entry(class, index))) {
                    self.magazine(class).set(index, 0);
                }
            }
        }
    }

    /// Finishes what the slot's last holder had begun when it died.
    pub(super) fn replay(&self) {
        match self.slot.step() {
            Step::None => {}
            Step::Slabs { first, count } => {
                self.space.table().undo(first, count, self.slot.number())
            }
            Step::Resize { head, first, count } => {
                self.space.recover_resize(head, first, count, self.slot.number());
            }
            Step::RemoteFree { word, mask, collected } => {
                self.replay_remote_free(word, mask, collected);
            }
            Step::Compact { class, from, count } => self.replay_compact(class, from, count),
        }
        self.slot.end();
    }

    /// Frees the blocks of a journalled remote free, unless that was done.
    ///
    /// The bits are set all at once, so one that is set tells that it was done.
    /// If none is, but the owner has collected since, the blocks may have been
    /// freed and handed out again: then they stay as they are, which loses them
    /// at worst.
    ///
    /// Entries that still name them are erased first: flushed later, they would
    /// free the blocks once more.
    fn replay_remote_free(&self, word: usize, mask: usize, collected: usize) {
        let words = Geometry::<SHIFT>::BITMAP / WORD;
        let (slab, index) = (word / words, word % words);
        if slab >= self.space.frontier() {
            return;
        }
        let owner = self.space.owner(slab);
        let Some(class) = Classes::<SHIFT>::get(owner.class) else { return };
        if owner.state != SlabState::Run || owner.slot == SHARED {
            // The run that the blocks were of was given back, so they were free.
            return;
        }
        self.erase(Batch { slab, class, slot: owner.slot, index, mask });
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.space.descriptor(slab);
        // In the order in which blocks move: from the remote bitmap to the local
        // one, which is counted, and out of it. Acquire: each is read after the
        // one before.
        let remote = descriptor.remote_bits(blocks).word(index).load(Ordering::Acquire);
        let local = descriptor.local_bits(blocks).word(index).load(Ordering::Acquire);
        let untouched = descriptor.collected().load(Ordering::Acquire) == collected;
        if (local | remote) & mask == 0 && untouched {
            descriptor.remote().free(index, mask);
            self.tell_owner(slab, owner.slot);
        }
    }

    /// Erases the entries that name blocks of a batch.
    fn erase(&self, batch: Batch) {
        let word = self.word_of(&batch);
        for class in [batch.class, Classes::<SHIFT>::OUTBOX] {
            for index in 0..self.entries_of(class) {
                let bit = word.bit(self.magazine(class).get(index));
                if bit.is_some_and(|bit| batch.mask & bit != 0) {
                    self.magazine(class).set(index, 0);
                }
            }
        }
    }

    fn replay_compact(&self, class: usize, from: usize, count: usize) {
        let Some(class) = Classes::<SHIFT>::magazine(class) else { return };
        let full = Classes::<SHIFT>::info(class).magazine as usize;
        if from <= count && count <= full && count - from <= from {
            self.compact(class, from as u32, count as u32);
        }
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Stock<'_, B, T, SHIFT> {
    /// Whether there is a block at `place`, of one of the slot's slabs, and free
    /// there.
    fn has_free(&self, place: Option<Place>) -> bool {
        let Some(Place::Block { slab, block, class, slot }) = place else { return false };
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        slot == self.slot.number() && self.space.descriptor(slab).local_bits(blocks).get(block)
    }

    fn free_own(&self, batch: Batch) {
        let blocks = Classes::<SHIFT>::info(batch.class).blocks as usize;
        let word = self.space.descriptor(batch.slab).local_bits(blocks).word(batch.index);
        let known = word.load(Ordering::Relaxed);
        word.store(known | batch.mask, Ordering::Relaxed);
        let freed = (batch.mask & !known).count_ones() as usize;
        self.space.count_double_frees(known & batch.mask);
        if freed > 0 {
            self.note_freed(batch.slab, batch.class, batch.index, freed);
        }
    }
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

    /// A thread frees another's block and dies after it wrote that down, before
    /// it erased the entry; meanwhile the block is handed out again.
    #[test]
    fn a_replayed_free_is_not_done_again_by_the_magazine() {
        let mut memory = [0_u8; 256 << 10];
        let backend = ArrayBackend::<4096>::new(&mut memory);
        let config = Config::new(AllocatorId::new(0, 77));
        let heap = ThreadLocalAllocator::<_, Bare, 12>::create(backend, Bare, &config).unwrap();
        let [owner, dead] = [0; 2].map(|_| heap.local(heap.create_tls().unwrap()).unwrap());
        let layout = Layout::new::<[u64; 16]>();
        let class = Classes::<12>::of(layout).unwrap();
        let block = owner.allocate(layout).unwrap();
        // SAFETY: just allocated with that layout.
        unsafe { dead.free(block, layout) }.unwrap();
        let at = dead.entry(class, dead.magazine(class).count() - 1);
        let Some(Place::Block { slab, block: number, .. }) = dead.space.place(at) else {
            panic!("not a block");
        };
        let descriptor = dead.space.descriptor(slab);
        let (index, mask) = (number / WORD_BITS, 1 << (number % WORD_BITS));
        let word = slab * (Geometry::<12>::BITMAP / WORD) + index;
        let collected = descriptor.collected().load(Ordering::Relaxed);
        dead.slot.begin(Step::RemoteFree { word, mask, collected });

        dead.replay();
        let freed = descriptor.remote().word(index).swap(0, Ordering::Relaxed);
        assert_eq!(freed, mask, "the free is finished");
        // The owner has collected the block and handed it out.
        dead.flush_all(class, None);
        assert_eq!(descriptor.remote().word(index).load(Ordering::Relaxed) & mask, 0);
    }
}
