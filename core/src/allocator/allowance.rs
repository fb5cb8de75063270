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

impl<B: Backend, T: ThreadModel, const SHIFT: u32> LocalHeap<'_, B, T, SHIFT> {
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
