//! Who may change what a heap slot keeps: its holder, or a raider.
//!
//! The holder of a slot may live and yet not look at its slabs for hours, while
//! others have no room. They may then look through its slabs in its place.
//!
//! A run that is nobody's has a latch as well, for who gives it back: all who could
//! are raiders.
//!
//! # Protocol
//!
//! | word | who is inside |
//! |---|---|
//! | 0 | nobody |
//! | 1 | the slot's holder |
//! | n + 2 | the holder of slot n, a raider |
//!
//! Whoever finds the word 0 and sets it is inside. Nobody waits: a holder that
//! finds a raider inside does without its slabs for this once, a raider that
//! finds somebody inside passes on.
//!
//! A death leaves the word as it is. Whoever recovers the dead one's slot then
//! [inherits](Latch::inherit) its place, in this latch or in others.

use core::sync::atomic::Ordering;

use crate::offset::Offset;
use crate::sync::{Arena, AtomicInt, Atomics};

const NOBODY: usize = 0;

/// Who goes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visitor {
    /// Whoever holds the slot.
    Holder,
    /// Whoever holds the slot of this number, and looks for memory.
    Raider(usize),
}

impl Visitor {
    const fn into_word(self) -> usize {
        match self {
            Self::Holder => 1,
            Self::Raider(slot) => slot.wrapping_add(2),
        }
    }
}

/// The latch of one heap slot.
#[derive(Debug, Clone, Copy)]
pub struct Latch<'a, M: Arena> {
    arena: &'a M,
    at: Offset,
}

impl<'a, M: Arena> Latch<'a, M> {
    /// The latch whose word stands at `at`.
    #[inline]
    pub const fn new(arena: &'a M, at: Offset) -> Self {
        Self { arena, at }
    }

    #[inline]
    fn word(&self) -> &'a <M::A as Atomics>::Word {
        self.arena.word(self.at)
    }

    /// Goes in, if nobody is inside; whether it did.
    #[must_use]
    #[inline]
    pub fn enter(&self, visitor: Visitor) -> bool {
        // Acquire: pairs with the Release in `leave`; what the last one inside
        // did is seen.
        self.word()
            .compare_exchange(NOBODY, visitor.into_word(), Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Whether `visitor` is inside, and so whoever recovers it is.
    ///
    /// To be asked by the recoverer only: it has seen the death, and with it
    /// all that the dead one did.
    #[must_use]
    pub fn inherit(&self, visitor: Visitor) -> bool {
        self.word().load(Ordering::Relaxed) == visitor.into_word()
    }

    /// Whether nobody is inside: then what those did who were is seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        // Acquire: pairs with the Release in `leave`.
        self.word().load(Ordering::Acquire) == NOBODY
    }

    /// Who is inside.
    #[must_use]
    pub fn visitor(&self) -> Option<Visitor> {
        match self.word().load(Ordering::Relaxed) {
            NOBODY => None,
            1 => Some(Visitor::Holder),
            word => Some(Visitor::Raider(word - 2)),
        }
    }

    /// Goes out.
    #[inline]
    pub fn leave(&self) {
        // Release: pairs with the Acquire in `enter`.
        self.word().store(NOBODY, Ordering::Release);
    }
}
