//! Which block a thread is about to put in the place of which: a record a slot.
//!
//! A block that was allocated belongs to nobody until something in the heap
//! names it, its *link*. A thread that dies in between would lose it, or free a
//! block that is linked. The record tells who comes after it what was meant;
//! the link itself tells how far it got.
//!
//! # Protocol
//!
//! | word | |
//! |---|---|
//! | state | bits 0–1 one of those below; above them a count of changes |
//! | link | where the word stands that is to be stored to |
//! | value | what is stored there |
//! | new | the block that is linked then, or null; bit 0: its slabs are being claimed |
//! | old | the block that was, or null |
//! | owner | the owner word of the old block's slab before |
//!
//! ```text
//!        begin             end
//!  NONE ───────▶ PENDING ───────▶ NONE
//!                   │ holder dead: settle
//!                   ▼
//!            DONE or UNDONE ──end──▶ NONE
//! ```
//!
//! 1. The holder writes all words, then the state. It fills the new block,
//!    stores the link, frees the old block, and ends.
//! 2. Whoever finds the holder dead settles the record *before* it claims the
//!    slot: it looks whether the link has the value, and stores that answer
//!    with one compare-exchange. From then on the link may be changed by
//!    others.
//! 3. Who recovers the slot frees the old block (DONE) or the new one (UNDONE),
//!    unless that is free already, and ends.
//!
//! So who is to use what a dead process was changing calls `recover` first: it
//! returns when all the dead were found, and the records of those that others
//! claimed had been settled before.
//!
//! The state's count, and a second look at the slot's holder, keep one who is
//! late from settling the record of the slot's next holder.

use super::geometry::WORD;
use crate::offset::Offset;
use crate::sync::atomic::{Ordering, compiler_fence};
use crate::sync::{Arena, AtomicInt, Atomics};

const STATE: usize = 0b11;
const NONE: usize = 0;
const PENDING: usize = 1;
const DONE: usize = 2;
const UNDONE: usize = 3;

/// What is exchanged for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Where the link stands.
    pub link: Offset,
    /// What it holds when it names the new block.
    pub value: usize,
    /// The new block; null if there is none.
    pub new: Offset,
    /// Whether the new block is one only if claiming its slabs succeeds.
    pub claims: bool,
    /// The old block; null if there is none.
    pub old: Offset,
    /// The owner word of the old block's slab.
    pub owner: usize,
}

/// How far an exchange got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The new block is linked: the old one is to be freed.
    Done(Terms),
    /// It is not: the new one is to be freed.
    Undone(Terms),
}

/// The record of one slot.
#[derive(Debug, Clone, Copy)]
pub struct ExchangeRecord<'a, M: Arena> {
    arena: &'a M,
    at: Offset,
}

impl<'a, M: Arena> ExchangeRecord<'a, M> {
    /// Words that a record takes.
    pub const WORDS: usize = 6;

    /// The record whose words start at `at`.
    pub const fn new(arena: &'a M, at: Offset) -> Self {
        Self { arena, at }
    }

    fn word(&self, index: usize) -> &'a <M::A as Atomics>::Word {
        self.arena.word(self.at.add(index * WORD))
    }

    fn state(&self) -> usize {
        // Acquire: pairs with the Release in `set_state` and `settle`.
        self.word(0).load(Ordering::Acquire)
    }

    fn set_state(&self, state: usize) {
        // A death makes all stores before it visible, in program order: it is
        // the compiler that must not move one across.
        compiler_fence(Ordering::SeqCst);
        let next = (self.word(0).load(Ordering::Relaxed) & !STATE).wrapping_add(STATE + 1);
        // Release: who sees the state sees the words that it is about.
        self.word(0).store(next | state, Ordering::Release);
        compiler_fence(Ordering::SeqCst);
    }

    /// Whether an exchange is under way.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.state() & STATE != NONE
    }

    /// Writes down what is about to be done; or, while that is under way, that
    /// it is something else.
    pub fn begin(&self, terms: &Terms) {
        if self.is_pending() {
            self.set_state(NONE);
        }
        let Terms { link, value, new, claims, old, owner } = *terms;
        let new = new.get() | usize::from(claims);
        for (index, word) in [link.get(), value, new, old.get(), owner].iter().enumerate() {
            self.word(1 + index).store(*word, Ordering::Relaxed);
        }
        self.set_state(PENDING);
    }

    /// Notes that it is done, or was taken back.
    pub fn end(&self) {
        self.set_state(NONE);
    }

    /// Decides what becomes of the exchange that a dead holder left, if nobody
    /// did so before.
    ///
    /// `is_still_held` tells whether the slot is still the dead one's.
    pub fn settle(&self, is_still_held: impl Fn() -> bool) {
        let seen = self.state();
        if seen & STATE != PENDING {
            return;
        }
        let terms = self.terms();
        // Acquire: if this sees a store that came after the record was settled,
        // the compare-exchange fails.
        let linked = self.arena.word(terms.link).load(Ordering::Acquire) == terms.value;
        if is_still_held() {
            let settled = seen & !STATE | if linked { DONE } else { UNDONE };
            // AcqRel: as in `state`.
            let word = self.word(0);
            let _ = word.compare_exchange(seen, settled, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// What is left to be done, for who recovers the slot.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        match self.state() & STATE {
            DONE => Some(Outcome::Done(self.terms())),
            UNDONE => Some(Outcome::Undone(self.terms())),
            _ => None,
        }
    }

    fn terms(&self) -> Terms {
        let [link, value, new, old, owner] =
            [1, 2, 3, 4, 5].map(|index| self.word(index).load(Ordering::Relaxed));
        // Words are where words can be, whatever was written over this one.
        let link = Offset::new(link / WORD * WORD);
        let (new, claims, old) = (Offset::new(new & !1), new & 1 != 0, Offset::new(old));
        Terms { link, value, new, claims, old, owner }
    }
}
