//! A journal for the time of a call: where there is no heap slot.
//!
//! Calls without a slot take and free single blocks with one atomic operation.
//! Only when they claim or release slabs there is something that a death can
//! leave half done. For so long they are *guests* of the heap: they hold one of a
//! few journals, claimed and recovered as heap slots are.
//!
//! Where more than [`GUESTS`] calls are at it at once, the others do without: a
//! death leaves their slabs unusable then.

use core::cell::Cell;

use super::space::Space;
use crate::backend::Backend;
use crate::offset::Offset;
use crate::page_table::{Journal, SHARED};
use crate::segment::{GUESTS, SlotTable, Step, StepRecord, WORD};
use crate::sync::Bytes;
use crate::thread::ThreadModel;

/// The journal of a call that has no slot, claimed when it is first needed.
#[derive(Debug)]
pub(super) struct Guest<'a, B, T, const SHIFT: u32> {
    space: Space<'a, B, T, SHIFT>,
    number: Cell<Option<usize>>,
}

impl<'a, B: Backend, T: ThreadModel, const SHIFT: u32> Space<'a, B, T, SHIFT> {
    /// The journal of a call that has no slot.
    pub(super) fn guest(&self) -> Guest<'a, B, T, SHIFT> {
        Guest { space: *self, number: Cell::new(None) }
    }

    fn guests(&self) -> SlotTable<'_, Bytes<'a>> {
        SlotTable::new(&self.bytes, Offset::new(self.geometry().guests_at), GUESTS)
    }

    fn steps_of_guest(&self, number: usize) -> StepRecord<'_, Bytes<'a>> {
        let journals = self.geometry().guests_at + GUESTS * 2 * WORD;
        StepRecord::new(&self.bytes, Offset::new(journals + number * 3 * WORD))
    }

    /// The slot number that stands in the owner words of a guest's slabs.
    fn slot_of_guest(&self, number: usize) -> usize {
        self.geometry().slots + number
    }

    /// Finishes or takes back what dead guests had begun.
    pub(super) fn recover_guests(&self) {
        let (guests, model) = (self.guests(), self.model());
        for number in 0..GUESTS {
            let dead = guests.find_dead(number, model);
            if dead.is_some_and(|dead| guests.take_over(&dead, model.owner())) {
                self.replay_guest(number);
                guests.release(number);
            }
        }
    }

    fn replay_guest(&self, number: usize) {
        let (steps, slot) = (self.steps_of_guest(number), self.slot_of_guest(number));
        match steps.read() {
            Step::Slabs { first, count } => self.undo_slabs(first, count, slot),
            Step::Resize { head, first, count } => self.recover_resize(head, first, count, slot),
            _ => {}
        }
        steps.end();
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Guest<'_, B, T, SHIFT> {
    fn begin(&self, step: Step) {
        if self.number.get().is_none() {
            let (guests, me) = (self.space.guests(), self.space.model().owner());
            self.number.set((0..GUESTS).find(|&number| guests.claim_at(number, me)));
        }
        if let Some(number) = self.number.get() {
            self.space.steps_of_guest(number).begin(step);
        }
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Journal for Guest<'_, B, T, SHIFT> {
    fn slot(&self) -> usize {
        self.number.get().map_or(SHARED, |number| self.space.slot_of_guest(number))
    }

    fn note(&self, first: usize, count: usize) {
        self.begin(Step::Slabs { first, count });
    }

    fn note_resize(&self, head: usize, first: usize, count: usize) {
        self.begin(Step::Resize { head, first, count });
    }

    fn clear(&self) {
        if let Some(number) = self.number.take() {
            self.space.steps_of_guest(number).end();
            self.space.guests().release(number);
        }
    }
}
