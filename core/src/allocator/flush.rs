//! Where freed blocks go when a magazine is full.
//!
//! The older half of the entries goes back to the bitmaps: one plain store a
//! word for the slot's own slabs, one `fetch_or` a word for others'. Then the
//! younger half moves down, or goes back as well where the older half was all
//! others'.
//!
//! # Deaths
//!
//! An own block's bit is set while the entry is still there: both is fine, until
//! its slab is given back, before which the entry is erased. A block of another
//! owner's slab may be handed out anew the moment its bit is set, so its entry is
//! erased first, and the journal names it in between. An entry that names whole
//! slabs is erased when these are being freed and before they are free: while the
//! journal says so, it is erased by who recovers the slot. A block of a shared run
//! is freed by itself, without a journal, for nobody could tell afterwards whether
//! that was done: a death loses this one block.

use core::ops::Range;
use core::sync::atomic::Ordering;

use super::batch::Batch;
use super::local_heap::{GRAIN_SHIFT, LocalHeap};
use super::space::Place;
use super::stock::Stock;
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::{SHARED, SlabState};
use crate::segment::{Geometry, Step, WORD};
use crate::size_class::{Class, Classes};
use crate::thread::ThreadModel;

/// Where the block is that a magazine's entry names.
fn offset_of(entry: u32) -> Offset {
    Offset::new((entry as usize) << GRAIN_SHIFT)
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> LocalHeap<'_, B, T, SHIFT> {
    /// Makes room in the magazine of `class` if there is none.
    pub(super) fn make_room(&self, class: Class) {
        let magazine = self.magazine(class);
        if magazine.count() >= magazine.limit() {
            self.flush(class);
        }
    }

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
        if self.put_back(class, 0..half, stock.as_ref()) > 0 {
            return self.compact(class, half, count);
        }
        // Who frees what others allocated has no use for the rest.
        self.put_back(class, half..count, stock.as_ref());
        magazine.set_count(0);
    }

    /// Empties the magazine of `class`.
    pub(super) fn flush_all(&self, class: Class, stock: Option<&Stock<'_, B, T, SHIFT>>) {
        self.put_back(class, 0..self.entries_of(class), stock);
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
    pub(super) fn entries_of(&self, class: Class) -> u32 {
        self.magazine(class).count().min(Classes::<SHIFT>::info(class).magazine)
    }

    /// Puts entries of a magazine back where they came from; how many came from
    /// the slot's own slabs.
    pub(super) fn put_back(
        &self,
        class: Class,
        entries: Range<u32>,
        stock: Option<&Stock<'_, B, T, SHIFT>>,
    ) -> u32 {
        let magazine = self.magazine(class);
        let (mut from, mut own) = (entries.start, 0);
        while from < entries.end {
            let freed = stock.map_or(0, |it| it.free_own(&magazine, from..entries.end));
            own += freed;
            from += freed;
            if freed == 0 {
                from = self.put_elsewhere(class, from, entries.end);
            }
        }
        own
    }

    /// Puts back those entries from `from` on that go to one place, not to the
    /// slot's own slabs; where to go on.
    fn put_elsewhere(&self, class: Class, from: u32, end: u32) -> u32 {
        let place = self.space.place(self.entry(class, from));
        match place {
            Some(Place::Block { slab, block, class: cut, slot: SHARED }) => {
                self.put_shared_back(class, from, (slab, block, cut));
                from + 1
            }
            // Also the slot's own, while somebody else looks through its slabs.
            Some(Place::Block { slab, block, class: cut, slot }) => {
                self.put_foreign_back(class, from..end, (slab, block, cut), slot)
            }
            _ => {
                self.put_large_back(class, from, place);
                from + 1
            }
        }
    }

    /// Puts back the first of the entries, and those after it whose blocks have
    /// their bits in the same word; where to go on.
    fn put_foreign_back(
        &self,
        class: Class,
        entries: Range<u32>,
        (slab, block, cut): (usize, usize, Class),
        slot: usize,
    ) -> u32 {
        let (magazine, run) = (self.magazine(class), self.space.run_of(slab, cut));
        let (mut batch, mut to) = (Batch::of(block), entries.start + 1);
        for entry in magazine.entries(to..entries.end) {
            match run.number(entry.load(Ordering::Relaxed)) {
                Some(block) if batch.adopts(block) => batch.add(block),
                _ => break,
            }
            to += 1;
        }
        self.free_foreign(slab, slot, batch, || magazine.fill(entries.start..to, 0));
        to
    }

    fn put_shared_back(&self, class: Class, index: u32, (slab, block, cut): (usize, usize, Class)) {
        self.magazine(class).set(index, 0);
        if self.space.free_shared(slab, block, cut, &self.slot).is_err() {
            self.space.count_double_free();
        }
    }

    pub(super) fn entry(&self, class: Class, index: u32) -> Offset {
        offset_of(self.magazine(class).get(index))
    }

    /// A class's block that is whole slabs, or an entry that is nothing.
    fn put_large_back(&self, class: Class, index: u32, place: Option<Place>) {
        let erased = self.entry(class, index).is_null();
        let erase = || self.magazine(class).set(index, 0);
        match place {
            Some(Place::Large(slab)) => {
                let freed = self.space.free_large_named(slab, &self.slot, erase);
                self.note_freed_span(freed);
            }
            // By a flush that a death cut short.
            _ if erased => {}
            _ => self.space.count_double_free(),
        }
        erase();
    }

    fn free_foreign(&self, slab: usize, slot: usize, batch: Batch, erase_entries: impl FnOnce()) {
        let descriptor = self.space.descriptor(slab);
        let words = Geometry::<SHIFT>::BITMAP / WORD;
        self.slot.begin(Step::RemoteFree { word: slab * words + batch.index, mask: batch.mask });
        erase_entries();
        let again = descriptor.remote().free(batch.index, batch.mask);
        self.space.count_double_frees(again.count_ones() as usize);
        self.slot.end();
        self.tell_owner(slab, slot);
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
        match self.slot.steps().read() {
            Step::None => {}
            Step::Slabs { first, count } => {
                self.erase_slab(first);
                self.space.undo_slabs(first, count, self.slot.number());
            }
            Step::Resize { head, first, count } => {
                self.space.recover_resize(head, first, count, self.slot.number());
            }
            Step::RemoteFree { word, mask } => self.replay_remote_free(word, mask),
            Step::Compact { class, from, count } => self.replay_compact(class, from, count),
        }
        self.slot.end();
    }

    /// Frees the blocks of a journalled remote free, unless that was done.
    ///
    /// The bits are set all at once, and the slab's owner leaves them where they
    /// are for as long as the journal names them: so one that is set tells that
    /// it was done, and none that it was not.
    ///
    /// Entries that still name them are erased first: flushed later, they would
    /// free the blocks once more.
    fn replay_remote_free(&self, word: usize, mask: usize) {
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
        self.erase(slab, class, Batch { index, mask });
        let blocks = Classes::<SHIFT>::info(class).blocks as usize;
        let descriptor = self.space.descriptor(slab);
        let remote = descriptor.remote().freed(index);
        // Where the journal was overwritten, or a block is freed twice.
        let local = descriptor.local_bits(blocks).word(index).load(Ordering::Relaxed);
        if (local | remote) & mask == 0 {
            descriptor.remote().free(index, mask);
            self.tell_owner(slab, owner.slot);
        }
    }

    /// Erases the entries that name blocks of a batch.
    fn erase(&self, slab: usize, class: Class, batch: Batch) {
        let run = self.space.run_of(slab, class);
        for class in [class, Classes::<SHIFT>::OUTBOX] {
            for index in 0..self.entries_of(class) {
                let block = run.number(self.magazine(class).get(index));
                if block.is_some_and(|block| batch.has(block)) {
                    self.magazine(class).set(index, 0);
                }
            }
        }
    }

    /// Erases the entries that name a large block which is being freed.
    fn erase_slab(&self, first: usize) {
        let slab = first.min(self.space.geometry().slabs() - 1);
        if self.space.owner(slab).state != SlabState::Freeing {
            return;
        }
        let start = self.space.geometry().slab_start(slab);
        for class in Classes::<SHIFT>::magazines() {
            for index in (0..self.entries_of(class)).filter(|&it| self.entry(class, it) == start) {
                self.magazine(class).set(index, 0);
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
        let mut memory = [0_u8; 512 << 10];
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
        let Batch { index, mask } = Batch::of(number);
        let word = slab * (Geometry::<12>::BITMAP / WORD) + index;
        dead.slot.begin(Step::RemoteFree { word, mask });

        dead.replay();
        let freed = descriptor.remote().word(index).swap(0, Ordering::Relaxed);
        assert_eq!(freed, mask, "the free is finished");
        // The owner has collected the block and handed it out.
        dead.flush_all(class, None);
        assert_eq!(descriptor.remote().word(index).load(Ordering::Relaxed) & mask, 0);
    }
}
