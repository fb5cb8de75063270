//! How many blocks a slot's magazines may hold.
//!
//! A free block in a magazine keeps the whole run that it is of from others,
//! and the magazines of a living thread are out of their reach. So a slot has an
//! allowance, in slabs: a share of the heap, the smaller the higher its number,
//! for the lowest idle slot is always claimed first. An entry that a magazine
//! may hold costs as many slabs as its class's runs have, for at worst each
//! entry is of another run.
//!
//! A magazine begins without room. Each time it is found empty or full its
//! limit doubles, as long as the allowance lasts. Where there is none left, a
//! block goes straight to its slab and comes straight from there; and after a
//! while all limits start anew, so that the classes which are in use now get
//! what others do not need any more.
//!
//! Blocks of sizes that a program has done with pin runs for nothing. So the
//! magazines are looked over every so many slow calls: one that has as many
//! entries as the last time is emptied, and begins anew when it is used again.
//!
//! All slots together keep at most ⅛ + ¹⁄₁₆ + … + ¹⁄₈ₙ of the heap in their
//! magazines, for n threads: a third with 8, three fifths with 64, and that only
//! if every entry is of a run of its own. In large heaps the magazines reach
//! their full size before the allowance is used up.

use core::sync::atomic::Ordering;

use super::local_heap::LocalHeap;
use super::stock::Stock;
use crate::backend::Backend;
use crate::size_class::{Class, Classes};
use crate::thread::ThreadModel;

/// The first slot's share of the heap is one part in so many.
const SHARE: usize = 8;

/// Entries that a magazine may hold to begin with.
const FIRST: u32 = 8;

/// How often there may be no allowance left before all limits start anew.
const REFUSALS: usize = 1024;

/// Slow calls from one look at all magazines to the next.
const PERIOD: usize = 64;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> LocalHeap<'_, B, T, SHIFT> {
    /// Counts a slow call, and looks all magazines over when that is due.
    pub(super) fn tick(&self) {
        let calls = self.slot.slow_calls();
        let count = calls.load(Ordering::Relaxed).wrapping_add(1);
        calls.store(count, Ordering::Relaxed);
        if count.is_multiple_of(PERIOD) {
            self.empty_unused();
        }
    }

    /// Empties the magazines that seem not to have been used since the last
    /// time.
    #[cold]
    fn empty_unused(&self) {
        let stock = self.stock();
        for class in Classes::<SHIFT>::magazines() {
            let magazine = self.magazine(class);
            if magazine.count() == magazine.mark() {
                self.empty(class, stock.as_ref());
            }
            magazine.set_mark(magazine.count());
        }
    }

    /// Gives back what is kept of a class that is not in use.
    fn empty(&self, class: Class, stock: Option<&Stock<'_, B, T, SHIFT>>) {
        let magazine = self.magazine(class);
        self.flush_all(class, stock);
        // A damaged limit gives the slot too much at worst.
        let freed = magazine.limit().saturating_mul(Classes::<SHIFT>::info(class).run) as usize;
        let allowance = self.slot.allowance();
        let left = allowance.load(Ordering::Relaxed).saturating_add(freed);
        allowance.store(left, Ordering::Relaxed);
        magazine.set_limit(0);
        if let (Some(stock), true) = (stock, class != Classes::<SHIFT>::OUTBOX) {
            stock.forgo(class);
        }
    }

    /// Lets the magazine of `class` hold more blocks, if there is an allowance
    /// for them.
    pub(super) fn widen(&self, class: Class) {
        let info = Classes::<SHIFT>::info(class);
        let magazine = self.magazine(class);
        let limit = magazine.limit();
        if limit >= info.magazine {
            return;
        }
        let allowance = self.slot.allowance().load(Ordering::Relaxed);
        let affordable = u32::try_from(allowance).unwrap_or(u32::MAX) / info.run;
        let more = limit.max(FIRST).min(info.magazine - limit).min(affordable);
        if more == 0 {
            return self.refuse();
        }
        magazine.set_limit(limit + more);
        let rest = allowance - (more * info.run) as usize;
        self.slot.allowance().store(rest, Ordering::Relaxed);
    }

    fn refuse(&self) {
        let refusals = self.slot.refusals();
        let count = refusals.load(Ordering::Relaxed);
        refusals.store(count.wrapping_add(1), Ordering::Relaxed);
        if count >= REFUSALS {
            self.narrow(self.stock().as_ref());
        }
    }

    /// Empties all magazines and lets their limits start anew.
    pub(super) fn narrow(&self, stock: Option<&Stock<'_, B, T, SHIFT>>) {
        for class in Classes::<SHIFT>::magazines() {
            self.flush_all(class, stock);
            self.magazine(class).set_limit(0);
        }
        self.begin();
    }

    /// Gives the slot its allowance.
    pub(crate) fn begin(&self) {
        let share = self.space.geometry().slabs() / SHARE / (1 + self.slot.number());
        self.slot.allowance().store(share, Ordering::Relaxed);
        self.slot.refusals().store(0, Ordering::Relaxed);
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

    /// A thread goes on with other sizes.
    #[test]
    fn a_magazine_that_is_not_used_any_more_is_emptied() {
        let mut memory = [0_u8; 512 << 10];
        let config = Config::new(AllocatorId::new(0, 81)).slots(2);
        let backend = ArrayBackend::<4096>::new(&mut memory);
        let heap = ThreadLocalAllocator::<_, Bare, 12>::create(backend, Bare, &config).unwrap();
        let local = heap.local(heap.create_tls().unwrap()).unwrap();
        let layout = Layout::new::<[u64; 4]>();
        let class = Classes::<12>::of(layout).unwrap();
        let whole = local.slot.allowance().load(Ordering::Relaxed);
        let block = local.allocate(layout).unwrap();
        // SAFETY: just allocated with that layout.
        unsafe { local.free(block, layout) }.unwrap();
        assert!(local.magazine(class).count() > 0);
        (0..2 * PERIOD).for_each(|_| local.tick());
        assert_eq!((local.magazine(class).count(), local.magazine(class).limit()), (0, 0));
        assert_eq!(local.slot.allowance().load(Ordering::Relaxed), whole);
        assert_eq!(heap.stats().slabs, 0, "nor is a slab kept");
        heap.check().unwrap();
    }
}
