//! A ring of messages of any length: many write, and one at a time reads.
//!
//! # What it guarantees
//!
//! - Messages are read in the order in which they were reserved, each in one piece
//!   and in its place.
//! - A writer that dies holds nobody up: what it had reserved and not committed is
//!   passed over. Its record names it, and whether it lives is asked only where the
//!   record stands in the way.
//! - A reader that dies is followed by the next, which finds the same message.
//! - A number that makes no sense gives [`Found::Corrupt`], and no walk is longer
//!   than the ring.
//!
//! A living writer that does not commit holds up the messages behind its own, and
//! one that is stopped while it reserves, which takes some dozens of instructions,
//! the other writers.
//!
//! # Protocol
//!
//! The ring's bytes are cut into units of four words. `tail` and `head` count bytes
//! and never go back; between them is one [record](record) behind the other.
//!
//! ```text
//!            head                        tail
//!  ┄┄ free ┄┄┬─────────┬────────┬────────┬┄┄ free ┄┄
//!            │committed│reserved│committed│
//! ```
//!
//! | step | by | what |
//! |---|---|---|
//! | reserve | a writer, under the writers' lock | writes the record's header, and padding before it where it would not fit in one piece; then moves `tail` |
//! | commit, or abandon | that writer | stores the record's state |
//! | find | the reader, under the readers' lock | moves `head` past padding, and past what was abandoned or is a dead writer's |
//! | release | the reader | moves `head` past the message |
//!
//! Each is done with one store, so that neither lock needs a repair when it is
//! taken over from the dead. What was reserved and is not yet behind `tail` never
//! was; a message before `head` is gone, and every other is there.

mod reader;
mod record;
mod state;
mod writer;

use core::sync::atomic::Ordering;

pub use reader::Found;
pub use record::Record;
pub use state::RingWords;
pub use writer::Refusal;

use super::{Arena, AtomicInt, FairLock, PATIENCE, RobustLock, Signal};
use crate::thread::Owner;
use record::{Header, UNIT};

/// In `tail`: no more messages come.
const CLOSED: usize = 1;

/// The protocol of the ring, over records that stand in an arena.
#[derive(Debug)]
pub struct ByteRing<'w, R: Arena> {
    words: &'w RingWords<R::A>,
    records: &'w R,
    capacity: usize,
}

impl<R: Arena> Clone for ByteRing<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Arena> Copy for ByteRing<'_, R> {}

impl<'w, R: Arena> ByteRing<'w, R> {
    /// The smallest capacity, in bytes.
    pub const CAPACITY_MIN: usize = 4 * UNIT;

    /// What all capacities and places are multiples of.
    pub const UNIT: usize = UNIT;

    /// The ring whose state is in `words`, and whose records are the first
    /// `capacity` bytes of `records`.
    ///
    /// A capacity is a power of two, of at least
    /// [`CAPACITY_MIN`](Self::CAPACITY_MIN). Of another number, the highest bit
    /// counts.
    #[must_use]
    pub fn new(words: &'w RingWords<R::A>, records: &'w R, capacity: usize) -> Self {
        let capacity = 1 << capacity.max(Self::CAPACITY_MIN).ilog2();
        Self { words, records, capacity }
    }

    /// Bytes of the longest message that a ring of `capacity` bytes takes: half of
    /// it less a header. So an empty ring has room for it wherever it begins.
    #[must_use]
    pub const fn longest(capacity: usize) -> usize {
        capacity / 2 - UNIT
    }

    /// Ends the ring: what was reserved can still be committed and read, and no
    /// more is.
    ///
    /// # Errors
    ///
    /// Who keeps the writers' lock for too long.
    pub fn close<M: super::Park<R::A> + ?Sized>(&self, model: &M) -> Result<(), Owner> {
        {
            // A writer that is about to move the tail has looked at it under the lock.
            let _lock = self.writers().lock_within(PATIENCE, model)?;
            self.words.tail.word.fetch_or(CLOSED, Ordering::Release);
        }
        self.filled().announce(u32::MAX, model);
        self.room().announce(u32::MAX, model);
        Ok(())
    }

    /// Whether the ring was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.words.tail.word.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Bytes between head and tail at this moment, headers included.
    #[must_use]
    pub fn used(&self) -> usize {
        let head = self.words.head.word.load(Ordering::Acquire) & !(UNIT - 1);
        let tail = self.words.tail.word.load(Ordering::Acquire) & !(UNIT - 1);
        tail.wrapping_sub(head).min(self.capacity)
    }

    /// What writers wait for.
    #[must_use]
    pub fn room(&self) -> Signal<'w, R::A> {
        Signal::new(&self.words.reader.room)
    }

    /// What the reader waits for.
    #[must_use]
    pub fn filled(&self) -> Signal<'w, R::A> {
        Signal::new(&self.words.writers.filled)
    }

    /// The lock of who reads: to be held by whoever calls [`find`](Self::find) and
    /// [`release`](Self::release), until it has done with the message.
    #[must_use]
    pub fn readers(&self) -> FairLock<'w, R::A> {
        let [word, line, passes] = &self.words.reader.lock;
        FairLock::new(word, line, passes)
    }

    fn writers(&self) -> RobustLock<'w, R::A> {
        RobustLock::new(&self.words.writers.lock)
    }

    /// The header of the record at a position.
    fn header(&self, position: usize) -> Header<'w, R> {
        Header::new(self.records, self.place(position))
    }

    /// Where in the ring a position is.
    fn place(&self, position: usize) -> usize {
        position & (self.capacity - 1) & !(UNIT - 1)
    }
}
