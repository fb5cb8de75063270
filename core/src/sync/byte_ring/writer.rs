//! The writers' side: reserve, and commit or abandon.

use core::fmt;

use super::super::atomic::{Ordering, compiler_fence};
use super::super::{Arena, AtomicInt, PATIENCE, Park};
use super::record::{Record, UNIT, size_for};
use super::{ByteRing, CLOSED};
use crate::thread::Owner;

/// Why nothing was reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no room at present.
    Full,
    /// The ring was closed.
    Closed,
    /// There is never room for so much.
    TooLarge,
    /// This process keeps the writers' lock for too long.
    Busy(Owner),
}

impl<R: Arena> ByteRing<'_, R> {
    /// Reserves a record for a message of `len` bytes.
    ///
    /// # Errors
    ///
    /// See [`Refusal`].
    pub fn reserve<M: Park<R::A> + ?Sized>(
        &self,
        len: usize,
        model: &M,
    ) -> Result<Record, Refusal> {
        let size = size_for(len).filter(|&size| size <= self.capacity / 2);
        let size = size.ok_or(Refusal::TooLarge)?;
        let _lock = self.writers().lock_within(PATIENCE, model).map_err(Refusal::Busy)?;
        // Relaxed: only those who have the lock change it.
        let tail = self.words.tail.word.load(Ordering::Relaxed);
        if tail & CLOSED != 0 {
            return Err(Refusal::Closed);
        }
        let tail = tail & !(UNIT - 1);
        let left = self.capacity - self.place(tail);
        let padding = if left < size { left } else { 0 };
        if !self.has_room(tail, padding + size) {
            return Err(Refusal::Full);
        }
        if padding > 0 {
            self.header(tail).pad(padding);
        }
        let start = tail.wrapping_add(padding);
        self.header(start).reserve(size, model.owner());
        // Release: pairs with the Acquire in `Reader::available`; publishes the
        // headers. After a death they are there as well if this is.
        compiler_fence(Ordering::SeqCst);
        self.words.tail.word.store(start.wrapping_add(size), Ordering::Release);
        Ok(Record { at: self.place(start), size, len })
    }

    /// Whether `size` bytes behind the tail are free.
    fn has_room(&self, tail: usize, size: usize) -> bool {
        let free = |head: usize| self.capacity.checked_sub(tail.wrapping_sub(head));
        let fits = |head| free(head).is_some_and(|free| size <= free);
        let seen = &self.words.writers.seen_head;
        if fits(seen.load(Ordering::Relaxed) & !(UNIT - 1)) {
            return true;
        }
        // Acquire: pairs with the Release in `release`; the reader has done with
        // what is before it. Who uses the note later has taken the lock since.
        let head = self.words.head.word.load(Ordering::Acquire) & !(UNIT - 1);
        seen.store(head, Ordering::Relaxed);
        fits(head)
    }

    /// Lets the first `len` bytes of a record that the caller reserved be read.
    pub fn commit<M: Park<R::A> + ?Sized>(&self, record: Record, len: usize, model: &M) {
        self.header(record.at).commit(record.size, len.min(record.len));
        self.announce(model);
    }

    /// Gives up a record that the caller reserved.
    pub fn abandon<M: Park<R::A> + ?Sized>(&self, record: Record, model: &M) {
        self.header(record.at).abandon(record.size);
        // There may be a message behind it.
        self.announce(model);
    }

    /// Tells all who wait that there may be a message: one of them has the readers' lock,
    /// and nobody knows which.
    fn announce<M: Park<R::A> + ?Sized>(&self, model: &M) {
        self.filled().announce(u32::MAX, model);
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the ring is full"),
            Self::Closed => f.write_str("the ring is closed"),
            Self::TooLarge => f.write_str("the message is longer than the ring ever takes"),
            Self::Busy(holder) => write!(f, "{holder} keeps the ring: ask again"),
        }
    }
}
