//! Receivers: who they are, and how many messages each takes.
//!
//! | word | |
//! |---|---|
//! | owner | whose it is; 0 for nobody |
//! | limit | how many messages may be queued for it |
//! | overflow | what becomes of more |
//! | | spare |

use core::sync::atomic::Ordering;

use super::super::{Arena, AtomicInt, Atomics};
use super::{Field, Held, LINE, Locked, MessageTable, Mode, bit};

/// What becomes of a message for a receiver that has as many as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Who publishes waits for the receiver.
    Block,
    /// The receiver's oldest message makes room.
    DropOldest,
    /// Nobody gets the message; who publishes is told.
    Refuse,
}

impl Overflow {
    const fn to_word(self) -> usize {
        match self {
            Self::Block => 0,
            Self::DropOldest => 1,
            Self::Refuse => 2,
        }
    }

    const fn from_word(word: usize) -> Self {
        match word {
            1 => Self::DropOldest,
            2 => Self::Refuse,
            _ => Self::Block,
        }
    }
}

#[derive(Clone, Copy)]
enum Of {
    Owner,
    Limit,
    Overflow,
}

impl<'w, R: Arena> MessageTable<'w, R> {
    fn receiver(&self, number: usize, word: Of) -> &'w <R::A as Atomics>::Word {
        self.at(3 * LINE + number * 4 + word as usize)
    }

    /// Who has a receiver; 0 for nobody.
    pub(super) fn owner_of(&self, receiver: usize) -> usize {
        self.receiver(receiver, Of::Owner).load(Ordering::Acquire)
    }

    pub(super) fn set_owner_of(&self, receiver: usize, owner: usize) {
        self.receiver(receiver, Of::Owner).store(owner, Ordering::Release);
    }

    /// The numbers of receivers.
    pub(super) fn receivers(&self) -> core::ops::RangeInclusive<usize> {
        1..=self.receivers
    }

    /// How many messages a queue takes, and what becomes of more.
    fn limit_of(&self, queue: usize) -> (usize, Overflow) {
        match (queue, self.mode) {
            (0, Mode::Each { history }) => (history, Overflow::DropOldest),
            (0, Mode::One) => (usize::MAX, Overflow::Refuse),
            _ => {
                let limit = self.receiver(queue, Of::Limit).load(Ordering::Relaxed);
                let overflow = self.receiver(queue, Of::Overflow).load(Ordering::Relaxed);
                (limit, Overflow::from_word(overflow))
            }
        }
    }
}

impl<R: Arena> Locked<'_, '_, R> {
    /// Makes `me` a receiver that takes up to `limit` messages, the history first;
    /// its number, or `None` where there are as many as there may be.
    #[must_use]
    pub fn join(&self, me: usize, limit: usize, overflow: Overflow) -> Option<usize> {
        let table = self.table;
        let receiver = table.receivers().find(|&it| table.owner_of(it) == 0)?;
        let limit = limit.clamp(1, table.messages.max(1));
        table.receiver(receiver, Of::Limit).store(limit, Ordering::Relaxed);
        table.receiver(receiver, Of::Overflow).store(overflow.to_word(), Ordering::Relaxed);
        table.set_owner_of(receiver, me);
        if table.mode != Mode::One {
            self.hand_history(receiver, limit);
        }
        Some(receiver)
    }

    /// Queues the last messages for a receiver.
    fn hand_history(&self, receiver: usize, limit: usize) {
        let table = self.table;
        for _ in 0..limit {
            let next = table.next().load(Ordering::Relaxed);
            let fresh = |&entry: &usize| {
                let queued = table.get(Field::Queued, entry);
                queued & bit(0) != 0 && queued & bit(receiver) == 0
            };
            let newest = table
                .entries()
                .filter(fresh)
                .min_by_key(|&entry| next.wrapping_sub(table.get(Field::Number, entry)));
            let Some(newest) = newest else { return };
            let queued = table.get(Field::Queued, newest);
            table.set(Field::Queued, newest, queued | bit(receiver));
        }
    }

    /// Takes what a receiver has yet to receive away from it, one message at a time:
    /// one that it was the last for is lent to `me`, as by [`release`](Self::release).
    /// `None` when it is no receiver any more.
    #[must_use]
    pub fn leave(&self, receiver: usize, me: usize) -> Option<usize> {
        let table = self.table;
        for entry in table.entries() {
            let bits = table.get(Field::Queued, entry) | table.get(Field::Held, entry);
            if bits & bit(receiver) != 0 {
                self.clear(Field::Queued, entry, bit(receiver));
                if self.release(receiver, entry, me) {
                    return Some(entry);
                }
            }
        }
        table.set_owner_of(receiver, 0);
        None
    }

    /// Who is to get a message, as bits.
    pub(super) fn targets(&self) -> usize {
        let table = self.table;
        match table.mode {
            Mode::One => bit(0),
            Mode::Each { history } => {
                let joined = table.receivers().filter(|&it| table.owner_of(it) != 0);
                joined.map(bit).fold(usize::from(history > 0), |all, it| all | it)
            }
        }
    }

    /// Makes room for a message in the queues of `targets`.
    pub(super) fn make_room(&self, targets: usize, me: usize) -> Result<(), Held> {
        let table = self.table;
        // What is published is in no queue yet: one for as many as there may be has room.
        let is_full = |&queue: &usize| {
            let limit = table.limit_of(queue).0;
            limit < table.messages && self.count(queue) >= limit
        };
        let (mut full, mut waited) = (0, false);
        for queue in Bits(targets).filter(is_full) {
            match table.limit_of(queue).1 {
                Overflow::Refuse => return Err(Held::Full),
                Overflow::Block => waited = true,
                Overflow::DropOldest => full |= bit(queue),
            }
        }
        if waited {
            return Err(Held::Waited);
        }
        for queue in Bits(full) {
            // One that takes none has none that could make room.
            while is_full(&queue)
                && let Some(entry) = self.oldest(queue)
            {
                self.clear(Field::Queued, entry, bit(queue));
                if self.is_last(entry, me) {
                    return Err(Held::Evicted(entry));
                }
            }
        }
        Ok(())
    }

    /// How many messages are in a queue.
    fn count(&self, queue: usize) -> usize {
        let table = self.table;
        let queued = |&entry: &usize| table.get(Field::Queued, entry) & bit(queue) != 0;
        table.entries().filter(queued).count()
    }
}

/// The numbers of the bits that are set.
struct Bits(usize);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let first = self.0.trailing_zeros();
        self.0 &= self.0.wrapping_sub(1);
        (first < usize::BITS).then_some(first as usize)
    }
}
