//! The reader's side: find, and release.

use core::sync::atomic::Ordering;

use super::super::{Arena, AtomicInt, Park};
use super::record::{Kind, Record, UNIT};
use super::{ByteRing, CLOSED};

/// Looks at a record that somebody writes between two questions whether that one
/// lives, for these cost a system call or more.
const LIVENESS_EVERY: usize = 64;

/// What the reader finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The next message.
    Message(Record),
    /// None yet: nobody reserved one, or the next is being written.
    Nothing,
    /// None, and none will come.
    Closed,
    /// The ring is damaged.
    Corrupt,
}

impl<R: Arena> ByteRing<'_, R> {
    /// The next message, for who holds the [readers' lock](Self::readers).
    ///
    /// Passes over what dead writers left. Whether a writer lives that holds the
    /// reader up is asked at each call with `ask`, and at one in 64 of those without;
    /// such a call passes over all dead writers that stand one behind the other.
    pub fn find<M: Park<R::A> + ?Sized>(&self, mut ask: bool, model: &M) -> Found {
        // More records than there are units do not fit.
        for _ in 0..=self.capacity / UNIT {
            let head = self.words.head.word.load(Ordering::Relaxed) & !(UNIT - 1);
            let available = match self.available(head) {
                Ok(available) => available,
                Err(found) => return found,
            };
            let header = self.header(head);
            let whole = available.min(self.capacity - self.place(head));
            let Some((kind, size)) = header.read().filter(|&(_, size)| size <= whole) else {
                return Found::Corrupt;
            };
            let (at, len) = (self.place(head), header.len());
            match kind {
                Kind::Committed if len > size - UNIT => return Found::Corrupt,
                Kind::Committed => return Found::Message(Record { at, size, len }),
                Kind::Reserved if !self.is_dead(ask, head, model) => return Found::Nothing,
                // It committed before it died.
                Kind::Reserved if header.read() != Some((kind, size)) => {}
                Kind::Reserved => {
                    // Who died seldom left one record only.
                    ask = true;
                    self.advance(size, model);
                }
                Kind::Padding => self.advance(size, model),
            }
        }
        Found::Corrupt
    }

    /// How many bytes of records there are behind `head`, at least one record; or
    /// what else was found.
    fn available(&self, head: usize) -> Result<usize, Found> {
        let seen = &self.words.reader.seen_tail;
        let mut tail = seen.load(Ordering::Relaxed);
        let mut available = (tail & !(UNIT - 1)).wrapping_sub(head);
        if available == 0 || available > self.capacity {
            // Acquire: pairs with the Release in `reserve` and `close`. Who uses the
            // note later has taken the lock since.
            tail = self.words.tail.word.load(Ordering::Acquire);
            seen.store(tail, Ordering::Relaxed);
            available = (tail & !(UNIT - 1)).wrapping_sub(head);
        }
        match available {
            0 if tail & CLOSED != 0 => Err(Found::Closed),
            0 => Err(Found::Nothing),
            _ if available > self.capacity => Err(Found::Corrupt),
            _ => Ok(available),
        }
    }

    /// Whether whoever reserved the record at `head` is dead, if that is asked now.
    fn is_dead<M: Park<R::A> + ?Sized>(&self, ask: bool, head: usize, model: &M) -> bool {
        let looks = &self.words.reader.looks;
        let number = looks.load(Ordering::Relaxed).wrapping_add(1);
        looks.store(number, Ordering::Relaxed);
        let ask = ask || number.is_multiple_of(LIVENESS_EVERY);
        ask && !model.is_alive(self.header(head).owner())
    }

    /// Gives the room of a message back, for who found it and holds the readers'
    /// lock.
    pub fn release<M: Park<R::A> + ?Sized>(&self, message: Record, model: &M) {
        self.advance(message.size, model);
    }

    /// Moves the head past `size` bytes.
    fn advance<M: Park<R::A> + ?Sized>(&self, size: usize, model: &M) {
        let head = &self.words.head.word;
        let next = (head.load(Ordering::Relaxed) & !(UNIT - 1)).wrapping_add(size);
        // Release: pairs with the Acquire in `has_room`; the reader has done with
        // what is before it.
        head.store(next, Ordering::Release);
        self.room().announce(u32::MAX, model);
    }
}
