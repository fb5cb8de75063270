//! The check of a heap's rules.
//!
//! It reads only, and each slab and each entry of a magazine at most a few
//! times, whatever is in them. A fault does not end it: it goes on with the slab
//! behind, for as long as its caller wants to hear more.
//!
//! While others allocate, a step that is under way looks like a fault.

use core::ops::ControlFlow::{self, Break, Continue};
use core::sync::atomic::Ordering;

use super::space::{Place, Space};
use super::walk::CachedBlock;
use super::{Broken, Fault, Rule};
use crate::backend::Backend;
use crate::page_table::{Bitmap, OwnerWord, SHARED, SlabState};
use crate::segment::{Geometry, WORD, WORD_BITS};
use crate::size_class::{Class, Classes};
use crate::thread::ThreadModel;

/// Who is told of faults; says whether it wants to hear more.
pub(super) type Report<'a> = dyn FnMut(Fault) -> ControlFlow<()> + 'a;

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Space<'_, B, T, SHIFT> {
    /// Says which rule does not hold, if one does not.
    pub(crate) fn check(&self) -> Result<(), Broken> {
        let mut first = None;
        let _ = self.for_each_fault(&mut |fault| {
            first = Some(fault);
            Break(())
        });
        first.map_or(Ok(()), |fault| Err(fault.into()))
    }

    /// Tells `report` of every rule that does not hold.
    pub(crate) fn for_each_fault(&self, report: &mut Report<'_>) -> ControlFlow<()> {
        let (mut slab, frontier) = (0, self.frontier());
        while slab < frontier {
            let (slabs, fault) = self.check_slab(slab, frontier);
            fault.map_or(Continue(()), &mut *report)?;
            slab += slabs.max(1);
        }
        for slot in 0..self.geometry().slots {
            self.check_slot(slot, report)?;
        }
        self.check_shared_hints(report)?;
        self.check_roots(report)
    }

    /// Checks what starts at `slab`; how many slabs that is.
    fn check_slab(&self, slab: usize, frontier: usize) -> (usize, Option<Fault>) {
        let owner = self.owner(slab);
        let left_by = |rule| Fault { slot: Some(owner.slot), ..self.fault(rule, slab) };
        match owner.state {
            SlabState::Free => (1, None),
            SlabState::Run => self.check_run(slab, owner),
            SlabState::Span => self.check_span(slab, frontier),
            SlabState::Tail => self.orphans(slab, frontier),
            SlabState::Forming => (1, Some(left_by(Rule::ClaimIsFinished))),
            SlabState::Freeing => (1, Some(left_by(Rule::FreeIsFinished))),
            SlabState::Damaged => (1, Some(self.fault(Rule::KnownState, slab))),
        }
    }

    /// The fault that the owner word of `slab` tells of.
    fn fault(&self, rule: Rule, slab: usize) -> Fault {
        Fault::of_slab(rule, slab, self.geometry().owner_word(slab))
    }

    /// Slabs that follow each other and no head: one fault.
    fn orphans(&self, slab: usize, frontier: usize) -> (usize, Option<Fault>) {
        let is_tail = |slab: &usize| self.owner(*slab).state == SlabState::Tail;
        let slabs = (slab..frontier).take_while(is_tail).count().max(1);
        (slabs, Some(Fault { slabs, ..self.fault(Rule::TailHasHead, slab) }))
    }

    fn check_run(&self, slab: usize, owner: OwnerWord) -> (usize, Option<Fault>) {
        let fault = |rule| Fault { class: Some(owner.class), ..self.fault(rule, slab) };
        let Some(class) = Classes::<SHIFT>::get(owner.class) else {
            return (1, Some(fault(Rule::KnownClass)));
        };
        let run = Classes::<SHIFT>::info(class).run as usize;
        if !slab.is_multiple_of(run) || !self.has_tails(slab, run) {
            return (1, Some(fault(Rule::RunIsWhole)));
        }
        if owner.slot != SHARED && !self.slots().was_used(owner.slot) {
            return (run, Some(Fault { slot: Some(owner.slot), ..fault(Rule::OwnerWasUsed) }));
        }
        let stray = self.has_stray_bits(slab, class, owner.slot);
        let at = self.geometry().descriptor(slab);
        (run, stray.then(|| Fault { at, ..fault(Rule::BitsHaveBlocks) }))
    }

    /// Whether `run` slabs from `slab` on are those of one run.
    fn has_tails(&self, slab: usize, run: usize) -> bool {
        let end = slab.saturating_add(run);
        end <= self.geometry().slabs
            && (slab + 1..end).all(|tail| self.owner(tail).state == SlabState::Tail)
    }

    fn has_stray_bits(&self, slab: usize, class: Class, slot: usize) -> bool {
        let info = Classes::<SHIFT>::info(class);
        let blocks = info.blocks as usize;
        let descriptor = self.descriptor(slab);
        let words = if info.run == 1 { Geometry::<SHIFT>::BITMAP / WORD } else { 1 };
        let words = words.min(blocks.div_ceil(WORD_BITS));
        // In a shared run it may be that of a late taker, of a run with more blocks
        // that was here before.
        let is_stray = |bits: Bitmap<'_, _>| slot != SHARED && bits.has_stray_bits(words);
        is_stray(descriptor.remote_bits(blocks)) || is_stray(descriptor.local_bits(blocks))
    }

    fn check_span(&self, slab: usize, frontier: usize) -> (usize, Option<Fault>) {
        let said = self.descriptor(slab).span().load(Ordering::Relaxed);
        let found = self.span_len(slab).max(1);
        let end = slab + found;
        let longer = end < frontier && self.owner(end).state == SlabState::Tail;
        let at = self.geometry().descriptor(slab);
        let fault = Fault { at, slabs: found, ..self.fault(Rule::LengthIsTrue, slab) };
        (found, (said != found || longer).then_some(fault))
    }

    fn check_slot(&self, slot: usize, report: &mut Report<'_>) -> ControlFlow<()> {
        let slots = self.slots();
        if !slots.has_known_state(slot) {
            report(Fault::of_slot(Rule::KnownSlotState, slot, slots.state_at(slot)))?;
        }
        if !slots.was_used(slot) {
            return Continue(());
        }
        self.check_latch(slot).map_or(Continue(()), &mut *report)?;
        self.check_hints(slot, report)?;
        for class in Classes::<SHIFT>::magazines() {
            self.check_count(slot, class).map_or(Continue(()), &mut *report)?;
            self.for_each_entry_of(slot, class, &mut |entry| {
                self.check_entry(&entry).map_or(Continue(()), &mut *report)
            })?;
        }
        Continue(())
    }

    fn check_count(&self, slot: usize, class: Class) -> Option<Fault> {
        let magazine = self.slot(slot).magazine(class)?;
        let fits = magazine.said() <= Classes::<SHIFT>::info(class).magazine;
        let at = self.slot(slot).magazine_at(class);
        let fault = Fault::of_slot(Rule::CountFits, slot, at);
        (!fits).then_some(Fault { class: Some(class.index()), ..fault })
    }

    fn check_entry(&self, entry: &CachedBlock) -> Option<Fault> {
        let fault = Fault {
            class: Some(entry.class),
            ..Fault::of_slot(Rule::EntryIsBlock, entry.slot, entry.at)
        };
        let Some(place) = self.place(entry.at) else { return Some(fault) };
        let Place::Block { slab, block, class, slot } = place else { return None };
        let rule = if self.is_free(slab, block, class, slot) {
            Rule::FreeOnce
        } else {
            let outbox = Classes::<SHIFT>::OUTBOX.index();
            let fits = class.index() == entry.class || entry.class == outbox;
            (!fits).then_some(Rule::EntryFits)?
        };
        Some(Fault { rule, slab: Some(slab), block: Some(block), ..fault })
    }
}
