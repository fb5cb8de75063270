//! A record of a byte ring: a header of four words, and the message.
//!
//! | word | |
//! |---|---|
//! | state | bits 0–2 one of those below; above them the record's size in bytes, with the header |
//! | owner | who reserved it |
//! | len | bytes of the message |
//! | | spare |
//!
//! ```text
//!            commit
//! RESERVED ─────────▶ COMMITTED
//!     │ abandon
//!     └─────────────▶ PADDING ◀── written before a record that goes on at the start
//! ```

use core::sync::atomic::Ordering;

use super::super::{Arena, AtomicInt, Atomics};
use crate::offset::Offset;
use crate::thread::Owner;

const WORD: usize = size_of::<usize>();

/// Bytes of a header, and what sizes and places are multiples of.
pub(super) const UNIT: usize = 4 * WORD;

const RESERVED: usize = 1;
const COMMITTED: usize = 2;
const PADDING: usize = 3;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Somebody writes the message.
    Reserved,
    /// The message is there.
    Committed,
    /// There is none.
    Padding,
}

/// A message's place in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    pub(super) at: usize,
    pub(super) size: usize,
    pub(super) len: usize,
}

impl Record {
    /// Where the message starts in the arena.
    #[must_use]
    pub const fn start(&self) -> Offset {
        Offset::new(self.at + UNIT)
    }

    /// Bytes of the message.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the message has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// The size of a record for a message of `len` bytes; `None` if there is no such
/// number.
pub(super) fn size_for(len: usize) -> Option<usize> {
    len.checked_next_multiple_of(UNIT)?.checked_add(UNIT)
}

/// The header at a place.
pub(super) struct Header<'w, R: Arena> {
    records: &'w R,
    at: usize,
}

impl<'w, R: Arena> Header<'w, R> {
    pub(super) fn new(records: &'w R, at: usize) -> Self {
        Self { records, at }
    }

    fn word(&self, index: usize) -> &'w <R::A as Atomics>::Word {
        self.records.word(Offset::new(self.at + index * WORD))
    }

    /// Writes that the next `size` bytes are padding. Not seen by others until the
    /// tail has moved.
    pub(super) fn pad(&self, size: usize) {
        self.word(0).store(size | PADDING, Ordering::Relaxed);
    }

    /// Writes that the next `size` bytes are `owner`'s, as for [`pad`](Self::pad).
    pub(super) fn reserve(&self, size: usize, owner: Owner) {
        self.word(1).store(owner.to_word(), Ordering::Relaxed);
        self.word(0).store(size | RESERVED, Ordering::Relaxed);
    }

    /// Publishes the message, of `len` bytes.
    pub(super) fn commit(&self, size: usize, len: usize) {
        self.word(2).store(len, Ordering::Relaxed);
        // Release: pairs with the Acquire in `read`; publishes the message.
        self.word(0).store(size | COMMITTED, Ordering::Release);
    }

    /// Gives the record up.
    pub(super) fn abandon(&self, size: usize) {
        // Release: who writes there next does so after whoever gave it up.
        self.word(0).store(size | PADDING, Ordering::Release);
    }

    /// What is there, and its size; `None` if that makes no sense.
    pub(super) fn read(&self) -> Option<(Kind, usize)> {
        // Acquire: pairs with the Release in `commit`.
        let state = self.word(0).load(Ordering::Acquire);
        let kind = match state & 7 {
            RESERVED => Kind::Reserved,
            COMMITTED => Kind::Committed,
            PADDING => Kind::Padding,
            _ => return None,
        };
        let size = state & !7;
        (size >= UNIT && size.is_multiple_of(UNIT)).then_some((kind, size))
    }

    /// Who reserved it.
    pub(super) fn owner(&self) -> Owner {
        Owner::from_word(self.word(1).load(Ordering::Relaxed))
    }

    /// Bytes of the message.
    pub(super) fn len(&self) -> usize {
        self.word(2).load(Ordering::Relaxed)
    }
}
