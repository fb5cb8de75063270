//! The check of what leads to memory: latches, hints and roots.
//!
//! A hint may name any slab. All that can be said of it is that there must be
//! such a slab.

use core::ops::ControlFlow::{self, Continue};

use super::check::Report;
use super::space::{Place, Space};
use super::{Fault, Rule};
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::SlabState;
use crate::segment::{Counter, Visitor, shared_hint_at};
use crate::size_class::Classes;
use crate::sync::Arena;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::thread::ThreadModel;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Space<'_, B, T, SHIFT> {
    /// Checks who is inside the latch of a slot that was used.
    pub(super) fn check_latch(&self, slot: usize) -> Option<Fault> {
        let kept = self.slot(slot);
        let slots = self.geometry().slots;
        let is_known = match kept.latch().visitor() {
            None | Some(Visitor::Holder) => true,
            Some(Visitor::Raider(raider)) => raider < slots && self.slots().was_used(raider),
        };
        (!is_known).then(|| Fault::of_slot(Rule::KnownLatch, slot, kept.latch_at()))
    }

    /// Checks where a slot that was used looks for blocks.
    pub(super) fn check_hints(&self, slot: usize, report: &mut Report<'_>) -> ControlFlow<()> {
        let frontier = self.frontier();
        for class in Classes::<SHIFT>::all() {
            let links = [self.slot(slot).current(class), self.slot(slot).partial(class)];
            let is_slab = |link: &AtomicU32| link.load(Ordering::Relaxed) as usize <= frontier;
            if !links.into_iter().all(is_slab) {
                let at = self.slot(slot).hint(class);
                let fault = Fault::of_slot(Rule::HintIsSlab, slot, at);
                report(Fault { class: Some(class.index()), ..fault })?;
            }
        }
        Continue(())
    }

    /// Checks where everybody looks for slabs and for shared blocks.
    pub(super) fn check_shared_hints(&self, report: &mut Report<'_>) -> ControlFlow<()> {
        let shared = Classes::<SHIFT>::all()
            .map(|class| (shared_hint_at(class.index()), Some(class.index())));
        for (at, class) in shared.chain([(Counter::Search.at(), None)]) {
            if self.bytes.word(at).load(Ordering::Relaxed) > self.geometry().slabs {
                report(Fault { class, ..Fault::of_heap(Rule::HintIsSlab, at) })?;
            }
        }
        Continue(())
    }

    /// Checks what the roots name.
    pub(super) fn check_roots(&self, report: &mut Report<'_>) -> ControlFlow<()> {
        for root in self.roots().iter() {
            if !self.is_in_use(root.at) {
                report(Fault::of_heap(Rule::RootIsInUse, root.at))?;
            }
        }
        Continue(())
    }

    /// Whether `at` may be in a block that is in use. Of an offset within a
    /// block only its slab is looked at.
    fn is_in_use(&self, at: Offset) -> bool {
        if let Some(Place::Block { slab, block, class, slot }) = self.place(at) {
            return !self.is_free(slab, block, class, slot);
        }
        let slab = self.geometry().slab_of(at).filter(|&slab| slab < self.frontier());
        let states = [SlabState::Run, SlabState::Span, SlabState::Tail];
        slab.is_some_and(|slab| states.contains(&self.owner(slab).state))
    }
}
