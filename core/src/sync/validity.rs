//! Whether what somebody was told of still holds, seen with one load.
//!
//! Who tells others of something keeps a word for it, which they can read and need not be
//! able to write, and tells them the number that the word has. When it holds no more the
//! number is another one.
//!
//! # What it guarantees
//!
//! - [`holds`](Validity::holds) is true only of the number that was begun last, and not
//!   once it is seen to have ended.
//! - For whom a number holds, all is done that was done before it began: however it came
//!   to be told of, and whatever the place was used for before.
//! - Nobody waits for anybody, and a reader writes nothing.
//!
//! It may end while a reader goes on as if it held: what is behind it has to stay where
//! it is for as long as somebody may look.
//!
//! # Protocol
//!
//! | number | meaning | next |
//! |---|---|---|
//! | even | nothing holds | [`begin`](Validity::begin): the next odd one |
//! | odd | this one holds | [`end`](Validity::end): the next even one |
//!
//! One thread at a time writes. The number wraps: one that ended holds again after
//! 2³¹ others have.

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, Native};

/// The protocol, over a word that stands anywhere.
pub struct Validity<'w, A: Atomics = Native> {
    word: &'w A::U32,
}

impl<'w, A: Atomics> Validity<'w, A> {
    /// What is told of by `word`, which begins with 0.
    #[must_use]
    #[inline]
    pub const fn new(word: &'w A::U32) -> Self {
        Self { word }
    }

    /// Lets something hold from now on; the number that others are to be told.
    #[must_use]
    pub fn begin(&self) -> u32 {
        let number = self.word.load(Ordering::Relaxed).wrapping_add(1) | 1;
        // Release: pairs with the Acquire in `holds`; publishes what is told of.
        self.word.store(number, Ordering::Release);
        number
    }

    /// Lets it hold no more; nothing if it does not.
    pub fn end(&self) {
        let number = self.word.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `holds`; who sees the end sees why.
        self.word.store(number.wrapping_add(1) & !1, Ordering::Release);
    }

    /// Whether what has this number holds.
    #[must_use]
    #[inline]
    pub fn holds(&self, number: u32) -> bool {
        // Acquire: pairs with the Release in `begin` and `end`.
        self.word.load(Ordering::Acquire) == number && number % 2 == 1
    }
}

impl<A: Atomics> fmt::Debug for Validity<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Validity({:?})", self.word.load(Ordering::Relaxed))
    }
}
