//! Everything is hardened.

mod guard;
mod seal;

use core::sync::atomic::Ordering;

use self::seal::Sealed;
use crate::allocator::FreeError;
use crate::allocator::space::{Place, Space};
use crate::allocator::stock::Stock;
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::Journal;
use crate::secure::Order;
use crate::segment::Counter;
use crate::size_class::{Classes, Lane};
use crate::thread::ThreadModel;

impl<'a, B: Backend, T: ThreadModel, const SHIFT: u32> Space<'a, B, T, SHIFT> {
    /// Seals the block at `at`, which an entry of the magazine at `lane` named,
    /// for a user of `size` bytes; whether it is a block of that magazine's
    /// class.
    pub(crate) fn hand_out(&self, at: usize, lane: Lane, size: usize) -> bool {
        let at = Offset::new(at);
        let named = self.place(at).filter(|place| {
            matches!(place, Place::Block { class, .. }
                if Lane::of(Classes::<SHIFT>::info(*class)) == lane)
        });
        let closed = named.is_some_and(|place| self.sealed(at, place).close(size));
        if !closed {
            self.count(Counter::BadEntries);
        }
        closed
    }

    /// Seals a small block that was just taken; large ones were when they were
    /// claimed.
    pub(crate) fn close(&self, at: Offset, size: usize) {
        if let Some(place @ Place::Block { .. }) = self.place(at) {
            self.sealed(at, place).close(size);
        }
    }

    /// Takes a small block back, unless something is wrong with it; what is
    /// large waits for [`open_large`](Self::open_large).
    pub(crate) fn open(&self, at: Offset, place: Place) -> Result<(), FreeError> {
        let Place::Block { .. } = place else { return Ok(()) };
        self.sealed(at, place).open().inspect_err(|error| self.count_refused(*error))
    }

    /// Makes a block live that a death left between its seals.
    pub(crate) fn restore(&self, at: Offset, place: Place) {
        match place {
            Place::Large(slab) => self.close_large(slab, 0),
            Place::Block { .. } => self.close(at, 0),
        }
    }

    /// Says what is wrong with the block at `at`, if anything is.
    pub(crate) fn inspect(&self, at: Offset) -> Result<(), FreeError> {
        let place = self.place(at).ok_or(FreeError::NotABlock);
        let size = place.and_then(|place| self.sealed(at, place).size());
        size.map(|_| ()).inspect_err(|error| self.count_refused(*error))
    }

    /// Gives the user of a live block `size` bytes of it; whether there are as
    /// many.
    pub(crate) fn reseal(&self, at: Offset, size: usize, journal: &impl Journal) -> bool {
        match self.place(at) {
            Some(Place::Large(slab)) => self.resize_large(slab, size, journal),
            Some(place) => self.sealed(at, place).close(size),
            None => false,
        }
    }

    /// What was asked for, whatever the `whole` block may have.
    pub(crate) fn usable(
        &self,
        at: Offset,
        _whole: impl FnOnce() -> Option<usize>,
    ) -> Option<usize> {
        self.sealed(at, self.place(at)?).size().ok()
    }

    fn sealed(&self, at: Offset, place: Place) -> Sealed<'a> {
        let room = match place {
            Place::Block { class, .. } => Classes::<SHIFT>::info(class).size as usize,
            Place::Large(slab) => self.room_of(slab),
        };
        Sealed::new(self.bytes, self.secret(), at, room)
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Stock<'_, B, T, SHIFT> {
    /// The order in which the blocks of a bitmap word are taken: another one for
    /// each slot, word and refill.
    pub(crate) fn order(&self, slab: usize, index: usize) -> Order {
        let calls = self.slot.slow_calls().load(Ordering::Relaxed);
        self.space.secret().order([self.slot.number(), calls, slab, index])
    }
}

#[cfg(test)]
mod tests {
    use core::alloc::Layout;

    use super::*;
    use crate::allocator::{Allocator, ThreadLocalAllocator};
    use crate::backend::ArrayBackend;
    use crate::offset::AllocatorId;
    use crate::segment::{Config, Geometry};
    use crate::size_class::MAGAZINE_WORDS;
    use crate::thread::Bare;

    /// Somebody writes over the magazine: numbers that are small, that are the
    /// same, and those of a block that is in use.
    #[test]
    fn overwritten_entries_are_left_out() {
        let layout = Layout::new::<[u64; 10]>();
        let class = Classes::<12>::of(layout).unwrap();
        for junk in [0_u32, 1, 0x41414141, u32::MAX, 5000] {
            let mut memory = [0_u8; 512 << 10];
            let backend = ArrayBackend::<4096>::new(&mut memory);
            let config = Config::new(AllocatorId::new(0, 91)).slots(2).secret(77);
            let heap = ThreadLocalAllocator::<_, Bare, 12>::create(backend, Bare, &config).unwrap();
            let local = heap.local(heap.create_tls().unwrap()).unwrap();
            let used = [0; 20].map(|_| local.allocate(layout).unwrap());
            while local.magazine(class).count() < 3 {
                local.allocate(layout).unwrap();
            }
            let held = local.magazine(class).count();
            let named = if junk == 5000 { (local.distance(used[0]) >> 4) as u32 } else { junk };
            let start = local.space.slot(local.slot.number()).magazines().unwrap();
            let at = Lane::of(Classes::<12>::info(class)).at();
            assert!(at + 4 * (MAGAZINE_WORDS + held as usize) < Geometry::<12>::SLOT);
            // SAFETY: the entries behind the head of the magazine.
            unsafe {
                let first = start.add(at).cast::<u32>().add(MAGAZINE_WORDS);
                (0..held as usize).for_each(|entry| first.add(entry).write(named));
            }
            let given = [0; 40].map(|_| local.allocate(layout).unwrap());
            for (number, block) in given.iter().enumerate() {
                assert!(!used.contains(block) && !given[..number].contains(block));
            }
            assert_eq!(heap.stats().bad_entries, held as usize);
        }
    }
}
