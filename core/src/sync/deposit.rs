//! A place that one of many fills once, and that all read from then on.
//!
//! # What it guarantees
//!
//! - Of those who [begin](Deposit::begin) at the same time, one may fill the place.
//! - Whoever sees that it [is there](Deposit::is_there) sees all that was done before it was
//!   [ended](Deposit::end). It stays there for ever.
//! - Nobody waits: who finds the place taken, or not filled yet, does without it.
//!
//! # Protocol
//!
//! | word | meaning | next |
//! |---|---|---|
//! | 0 | empty | `begin`: 1 |
//! | 1 | being filled, by whoever began | `end`: 2, or 0 if there was nothing to fill it with |
//! | 2 | filled | |

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, Native};

const EMPTY: u32 = 0;
const FILLING: u32 = 1;
const FILLED: u32 = 2;

/// The protocol, over a word that stands anywhere.
pub struct Deposit<'w, A: Atomics = Native> {
    word: &'w A::U32,
}

impl<'w, A: Atomics> Deposit<'w, A> {
    /// The place whose state is in `word`, which begins with 0.
    #[must_use]
    #[inline]
    pub const fn new(word: &'w A::U32) -> Self {
        Self { word }
    }

    /// Takes the place to fill it; whether it was empty.
    #[must_use]
    pub fn begin(&self) -> bool {
        // Acquire: pairs with the Release in `end`, for whoever gave up may have written.
        let order = Ordering::Acquire;
        self.word.compare_exchange(EMPTY, FILLING, order, Ordering::Relaxed).is_ok()
    }

    /// Says that the place is filled, or leaves it to others; for who began, once.
    pub fn end(&self, filled: bool) {
        // Release: pairs with the Acquire in `is_there`; publishes what was filled in.
        self.word.store(if filled { FILLED } else { EMPTY }, Ordering::Release);
    }

    /// Whether the place is filled.
    #[must_use]
    #[inline]
    pub fn is_there(&self) -> bool {
        // Acquire: pairs with the Release in `end`.
        self.word.load(Ordering::Acquire) == FILLED
    }
}

impl<A: Atomics> fmt::Debug for Deposit<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deposit({})", self.word.load(Ordering::Relaxed))
    }
}
