//! The words of a ring apart from its records.

use core::fmt;

use super::super::{Atomics, Native};

/// The words of a ring apart from its records, as they stand in a segment.
///
/// All zero bytes are an empty ring. What writers, readers and both use are on
/// cache lines of their own.
#[repr(C)]
pub struct RingWords<A: Atomics = Native> {
    pub(super) writers: Writers<A::Word>,
    pub(super) tail: Line<A::Word>,
    pub(super) reader: Reader<A::Word>,
    pub(super) head: Line<A::Word>,
}

impl<A: Atomics> RingWords<A> {
    /// Those of an empty ring, made of words that hold 0.
    #[must_use]
    pub fn new(word: impl Fn() -> A::Word) -> Self {
        Self {
            writers: Writers { lock: word(), seen_head: word(), filled: word() },
            tail: Line { word: word() },
            reader: Reader {
                lock: [word(), word(), word()],
                seen_tail: word(),
                looks: word(),
                room: word(),
            },
            head: Line { word: word() },
        }
    }

    /// Those that somebody may sleep on: two of the readers' lock, and two signals.
    #[must_use]
    pub fn slept_on(&self) -> [&A::Word; 4] {
        let [word, line, _] = &self.reader.lock;
        [word, line, &self.writers.filled, &self.reader.room]
    }
}

impl<A: Atomics> fmt::Debug for RingWords<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RingWords")
    }
}

/// What writers use.
#[repr(C, align(128))]
pub(super) struct Writers<W> {
    /// Of who reserves.
    pub(super) lock: W,
    /// A head that was seen; the real one is not before it.
    pub(super) seen_head: W,
    /// The signal that a message was committed.
    pub(super) filled: W,
}

/// What the reader uses.
#[repr(C, align(128))]
pub(super) struct Reader<W> {
    /// Of who reads.
    pub(super) lock: [W; 3],
    /// A tail that was seen; the real one is not before it.
    pub(super) seen_tail: W,
    /// How often the reader found the same record reserved.
    pub(super) looks: W,
    /// The signal that a message was released.
    pub(super) room: W,
}

/// A word that one side writes and the other reads.
#[repr(C, align(128))]
pub(super) struct Line<W> {
    pub(super) word: W,
}
