//! What the dead left in the table.

use super::super::{Arena, Park};
use super::{Blocks, Field, Locked, Mode, bit};
use crate::thread::Owner;

impl<R: Arena> Locked<'_, '_, R> {
    /// Takes back what dead lenders and receivers had.
    ///
    /// Asks for each of them whether it lives.
    pub fn repair<M: Park<R::A> + ?Sized>(&self, model: &M, blocks: &impl Blocks) {
        let table = self.table;
        // What whoever had the lock was doing with a spare block.
        blocks.recover();
        let is_dead = |owner| owner != 0 && !model.is_alive(Owner::from_word(owner));
        let gone = table.receivers().filter(|&it| is_dead(table.owner_of(it)));
        let gone = gone.map(bit).fold(0, |all, it| all | it);
        for entry in table.entries() {
            if is_dead(table.get(Field::Lender, entry)) {
                // It may have died just now, and nobody else may change the link before.
                blocks.recover();
                // Its message was queued already, or there is none.
                table.set(Field::Lender, entry, 0);
            }
            self.take_from(gone, entry);
        }
        for receiver in table.receivers().filter(|&it| gone & bit(it) != 0) {
            table.set_owner_of(receiver, 0);
        }
        self.tell();
    }

    /// Takes a message from receivers that died.
    fn take_from(&self, gone: usize, entry: usize) {
        let table = self.table;
        if table.mode != Mode::One {
            self.clear(Field::Queued, entry, gone);
        } else if table.get(Field::Held, entry) & gone != 0 {
            // Somebody else gets it, before those that were published later.
            table.set(Field::Queued, entry, table.get(Field::Queued, entry) | bit(0));
        }
        self.clear(Field::Held, entry, gone);
    }

    /// Whether some message is in the hands of others than `receiver`, who may be
    /// dead.
    #[must_use]
    pub fn is_any_held(&self, receiver: usize) -> bool {
        let table = self.table;
        table.entries().any(|entry| table.get(Field::Held, entry) & !bit(receiver) != 0)
    }
}
