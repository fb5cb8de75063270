//! Which message is in whose hands: a table that names every block of a topic.
//!
//! # What it guarantees
//!
//! - Every block is named by one entry of the table from before it is handed out
//!   until after it was freed. So no death loses one.
//! - A block stays with its entry when its message is gone, and is lent again. It is
//!   never lent to two, nor freed while it is.
//! - A message goes to all who are to have it, or to none, with one store.
//! - It stays for as long as anybody holds it or is yet to receive it, and is freed
//!   by the last of them. What a dead receiver had comes back.
//!
//! # The table
//!
//! Receivers have the numbers from 1 on; 0 stands for the topic itself. An entry has
//! a word of each of these:
//!
//! | word | |
//! |---|---|
//! | lender | who writes the message, or drops its values; 0 for nobody |
//! | queued | a bit for each receiver that is yet to receive it |
//! | held | a bit for each receiver that has it in its hands |
//! | number | the how-manieth message it is |
//! | link | the block; null where there is none |
//! | len | how many values the message has |
//! | capacity | how many values the block has room for |
//!
//! ```text
//!  free ──lend──▶ lent ──publish──▶ queued ──receive──▶ held ──release──▶ free
//!    ▲              │                  └──evict, by the last──┐  │ by the last
//!    └──return──────┴◀────────────────────────────────────────┴──┘
//! ```
//!
//! Everything but filling a block, and allocating it, is done under one
//! [lock](RobustLock), which is held for one look through the table. The words of an
//! entry are the truth, and nothing is derived from them; so whoever takes the lock
//! over from the dead has little to [repair](Locked::repair): bits and names of the
//! dead. That may be done any number of times, and by one who dies of it.
//!
//! With [`Mode::Each`] a message is queued for every receiver, and bit 0 keeps the
//! last ones for those who come late. With [`Mode::One`] it is queued for the topic,
//! and whoever comes first takes it; what a dead receiver held is queued again.

mod blocks;
mod receivers;
mod repair;

use core::fmt;

use super::atomic::{Ordering, compiler_fence};
use super::{Acquired, Arena, AtomicInt, Atomics, PATIENCE, Park, RobustGuard, RobustLock, Signal};
use crate::offset::Offset;
use crate::thread::Owner;

pub use blocks::Blocks;
pub use receivers::Overflow;

const WORD: usize = size_of::<usize>();

/// Words of a cache line.
const LINE: usize = 128 / WORD;

/// Who gets a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each receiver, and up to so many are kept for those who come later.
    Each {
        /// How many.
        history: usize,
    },
    /// The first receiver that comes.
    One,
}

/// Why a message was not published at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The topic was closed.
    Closed,
    /// A receiver has as many as it takes.
    Full,
    /// As `Full`, and that one is waited for.
    Waited,
    /// This entry was taken from a receiver that has too many. It is the caller's,
    /// to be returned; then publishing may be tried again.
    Evicted(usize),
}

/// The protocol of the table, over words of an arena.
#[derive(Debug)]
pub struct MessageTable<'w, R: Arena> {
    arena: &'w R,
    messages: usize,
    receivers: usize,
    mode: Mode,
}

/// The table's lock, held.
pub struct Locked<'t, 'w, R: Arena> {
    table: &'t MessageTable<'w, R>,
    _guard: RobustGuard<'w, R::A>,
}

/// A word of an entry.
#[derive(Clone, Copy)]
enum Field {
    Lender,
    Queued,
    Held,
    Number,
    Link,
    Len,
    Capacity,
}

/// Words of an entry.
const FIELDS: usize = Field::Capacity as usize + 1;

impl<'w, R: Arena> MessageTable<'w, R> {
    /// The most receivers: each has a bit in a word of 32.
    pub const RECEIVERS_MAX: usize = 31;

    /// Words of a table: whole cache lines.
    #[must_use]
    pub const fn words(messages: usize, receivers: usize) -> usize {
        (3 * LINE + (receivers + 1) * 4 + messages * FIELDS).next_multiple_of(LINE)
    }

    /// The table whose words are the first of `arena`, for up to `messages` messages
    /// at a time and `receivers` receivers. All zero bytes are an empty one.
    #[must_use]
    pub fn new(arena: &'w R, messages: usize, receivers: usize, mode: Mode) -> Self {
        Self { arena, messages, receivers: receivers.min(Self::RECEIVERS_MAX), mode }
    }

    fn at(&self, index: usize) -> &'w <R::A as Atomics>::Word {
        self.arena.word(Offset::new(index * WORD))
    }

    fn lock_word(&self) -> &'w <R::A as Atomics>::Word {
        self.at(0)
    }

    /// The number of the next message.
    fn next(&self) -> &'w <R::A as Atomics>::Word {
        self.at(1)
    }

    fn closed(&self) -> &'w <R::A as Atomics>::Word {
        self.at(2)
    }

    /// How often something was queued: what receivers look at without the lock.
    fn news(&self) -> &'w <R::A as Atomics>::Word {
        self.at(LINE)
    }

    /// The signal that something was queued.
    #[must_use]
    pub fn queued(&self) -> Signal<'w, R::A> {
        Signal::new(self.at(LINE + 1))
    }

    /// The signal that an entry is free, or a receiver has room.
    #[must_use]
    pub fn room(&self) -> Signal<'w, R::A> {
        Signal::new(self.at(2 * LINE))
    }

    /// Those words that somebody may sleep on.
    #[must_use]
    pub fn slept_on(&self) -> [&'w <R::A as Atomics>::Word; 2] {
        [self.at(LINE + 1), self.at(2 * LINE)]
    }

    fn field(&self, field: Field, entry: usize) -> &'w <R::A as Atomics>::Word {
        let fields = 3 * LINE + (self.receivers + 1) * 4;
        self.at(fields + field as usize * self.messages + entry)
    }

    fn get(&self, field: Field, entry: usize) -> usize {
        // Acquire: pairs with the Release in `set`, where that was without the lock.
        self.field(field, entry).load(Ordering::Acquire)
    }

    /// One step of an operation: after a death it is there if a later one is.
    fn set(&self, field: Field, entry: usize, value: usize) {
        compiler_fence(Ordering::SeqCst);
        self.field(field, entry).store(value, Ordering::Release);
        compiler_fence(Ordering::SeqCst);
    }

    fn entries(&self) -> core::ops::Range<usize> {
        0..self.messages
    }

    /// Takes the lock, and repairs the table if whoever had it died.
    ///
    /// # Errors
    ///
    /// Who keeps the lock for too long.
    pub fn lock<M: Park<R::A> + ?Sized>(
        &self,
        model: &M,
        blocks: &impl Blocks,
    ) -> Result<Locked<'_, 'w, R>, Owner> {
        let guard = RobustLock::<R::A>::new(self.lock_word()).lock_within(PATIENCE, model)?;
        let acquired = guard.acquired();
        let locked = Locked { table: self, _guard: guard };
        if acquired != Acquired::Free {
            locked.repair(model, blocks);
        }
        Ok(locked)
    }

    /// Gives a lent entry back, whose block nobody uses any more.
    pub fn give_back(&self, entry: usize) {
        self.set(Field::Lender, entry, 0);
    }

    /// A number that is another whenever something was queued since.
    #[must_use]
    pub fn news_seen(&self) -> usize {
        // Acquire: pairs with the Release in `tell`.
        self.news().load(Ordering::Acquire)
    }

    /// Whether the topic was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed().load(Ordering::Acquire) != 0
    }

    /// How many entries are in use at this moment.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.entries().filter(|&entry| !self.is_free(entry)).count()
    }

    fn is_free(&self, entry: usize) -> bool {
        self.get(Field::Lender, entry) == 0 && self.is_garbage(entry)
    }

    /// Whether nobody has the message or is to have it.
    fn is_garbage(&self, entry: usize) -> bool {
        self.get(Field::Queued, entry) | self.get(Field::Held, entry) == 0
    }

    /// Whether an entry holds a message: one that was published.
    #[must_use]
    pub fn is_published(&self, entry: usize) -> bool {
        !self.is_garbage(entry)
    }
}

impl<R: Arena> Locked<'_, '_, R> {
    /// Publishes an entry that is lent to `me`; how many receivers get it. If nobody
    /// does, it is still lent.
    ///
    /// # Errors
    ///
    /// See [`Held`].
    pub fn publish(&self, entry: usize, me: usize) -> Result<usize, Held> {
        let table = self.table;
        if table.is_closed() {
            return Err(Held::Closed);
        }
        let targets = self.targets();
        self.make_room(targets, me)?;
        if targets == 0 {
            return Ok(0);
        }
        let number = table.next().load(Ordering::Relaxed);
        table.next().store(number.wrapping_add(1), Ordering::Relaxed);
        table.set(Field::Number, entry, number);
        table.set(Field::Queued, entry, targets);
        table.set(Field::Lender, entry, 0);
        self.tell();
        Ok(targets.count_ones() as usize)
    }

    /// The first message for a receiver, which has it then.
    #[must_use]
    pub fn receive(&self, receiver: usize) -> Option<usize> {
        let table = self.table;
        let queue = if table.mode == Mode::One { 0 } else { receiver };
        let entry = self.oldest(queue)?;
        table.set(Field::Held, entry, table.get(Field::Held, entry) | bit(receiver));
        table.set(Field::Queued, entry, table.get(Field::Queued, entry) & !bit(queue));
        Some(entry)
    }

    /// Takes a message out of a receiver's hands. Whether it was the last that had
    /// it: the entry is lent to `me` then, for its values to be dropped, and to be
    /// given back.
    #[must_use]
    pub fn release(&self, receiver: usize, entry: usize, me: usize) -> bool {
        self.clear(Field::Held, entry, bit(receiver));
        self.is_last(entry, me)
    }

    /// Ends the topic: what was published can still be received.
    pub fn close(&self) {
        self.table.closed().store(1, Ordering::Release);
    }

    /// Whether a message is held by somebody, or to be received.
    #[must_use]
    pub fn is_published(&self, entry: usize) -> bool {
        self.table.is_published(entry)
    }

    fn clear(&self, field: Field, entry: usize, bits: usize) {
        self.table.set(field, entry, self.table.get(field, entry) & !bits);
    }

    /// Takes an entry that nobody has any more.
    fn is_last(&self, entry: usize, me: usize) -> bool {
        let is_last = self.table.is_garbage(entry);
        if is_last {
            self.table.set(Field::Lender, entry, me);
        }
        is_last
    }

    /// The oldest message in a queue.
    fn oldest(&self, queue: usize) -> Option<usize> {
        let table = self.table;
        let next = table.next().load(Ordering::Relaxed);
        let queued = table.entries().filter(|&it| table.get(Field::Queued, it) & bit(queue) != 0);
        queued.max_by_key(|&entry| next.wrapping_sub(table.get(Field::Number, entry)))
    }

    /// Something was queued.
    fn tell(&self) {
        let news = self.table.news();
        // Release: pairs with the Acquire in `news_seen`.
        news.store(news.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }
}

const fn bit(receiver: usize) -> usize {
    1_usize.wrapping_shl(receiver as u32)
}

impl<R: Arena> fmt::Debug for Locked<'_, '_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Locked")
    }
}
