//! How many handles a value has, of two kinds, in one word.
//!
//! Strong handles keep the value, and weak ones the place that it stood in.
//!
//! # What it guarantees
//!
//! - Exactly one of those who take a strong handle away is told that it was the
//!   last, and after that no handle becomes a strong one. The same holds for the
//!   place.
//! - Who is told so sees all that the others did.
//! - [`is_unique`](Counts::is_unique) is true only if there is no other handle.
//! - Counts stay within bounds: beyond [`MOST`] handles adding one fails.
//!
//! Whoever dies between a change here and what comes of it leaves a count that is
//! too high, if handles are counted before there are any, and counted off when they
//! are gone.
//!
//! # Protocol
//!
//! | bits | field |
//! |---|---|
//! | lower half | weak handles, and one more while there are strong ones |
//! | upper half | strong handles |
//!
//! | transition | how |
//! |---|---|
//! | s, w → s + 1, w | by who has a strong handle: one addition |
//! | s, w → s, w + 1 | by who has any handle: one addition |
//! | s > 0, w → s + 1, w | by who has a weak handle: compare-exchange |
//! | s, w → s − 1, w | one addition; from 1 → 0 the value is that one's to drop |
//! | 1, w → 0, w | by who takes the value out: compare-exchange |
//! | s, w → s, w − 1 | one addition; from 1 → 0 the place is that one's to free |
//!
//! Both counts are in one word because uniqueness is about both: of two words, each
//! could be seen at 1 while there is always a second handle, of changing kind.

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, Native};

const HALF: u32 = usize::BITS / 2;
const WEAK: usize = 1;
const STRONG: usize = 1 << HALF;

/// Handles of a kind that there may be. As many again may be counted for a moment,
/// by those who are about to be told that there are too many.
pub const MOST: usize = (STRONG - 1) / 2;

/// Why a weak handle gave no strong one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoUpgrade {
    /// The last strong handle is gone.
    Gone,
    /// There are [`MOST`] strong handles.
    TooMany,
}

/// What the two fields hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handles {
    /// Strong handles.
    pub strong: usize,
    /// Weak handles, and one more while there are strong ones.
    pub weak: usize,
}

impl Handles {
    /// Of a value with one handle, a strong one.
    pub const ONE_STRONG: Self = Self { strong: 1, weak: 1 };

    /// Of a value that is still to come, with one weak handle.
    pub const ONE_WEAK: Self = Self { strong: 0, weak: 1 };

    /// As one word holds them.
    #[must_use]
    pub const fn to_word(self) -> usize {
        self.strong << HALF | self.weak & (STRONG - 1)
    }

    /// What `word` holds.
    #[must_use]
    pub const fn from_word(word: usize) -> Self {
        Self { strong: strong(word), weak: weak(word) }
    }
}

/// The protocol of the counts, over a word that stands anywhere.
pub struct Counts<'w, A: Atomics = Native> {
    word: &'w A::Word,
}

impl<'w, A: Atomics> Counts<'w, A> {
    /// The counts that are in `word`.
    #[must_use]
    #[inline]
    pub const fn new(word: &'w A::Word) -> Self {
        Self { word }
    }

    /// How many there are at this moment.
    #[must_use]
    pub fn get(&self) -> Handles {
        Handles::from_word(self.word.load(Ordering::Relaxed))
    }

    /// Counts a strong handle, for who has one; whether there is room.
    #[must_use]
    #[inline]
    pub fn add_strong(&self) -> bool {
        // Relaxed, here and below: who has a handle knows the value already.
        self.add(STRONG, strong)
    }

    /// Counts a weak handle, for who has any; whether there is room.
    #[must_use]
    #[inline]
    pub fn add_weak(&self) -> bool {
        self.add(WEAK, weak)
    }

    fn add(&self, one: usize, field: fn(usize) -> usize) -> bool {
        let before = field(self.word.fetch_add(one, Ordering::Relaxed));
        let fits = (1..MOST).contains(&before);
        if !fits {
            self.word.fetch_add(one.wrapping_neg(), Ordering::Relaxed);
        }
        fits
    }

    /// Counts off a strong handle that is gone; whether it was the last, and the
    /// value is the caller's to drop.
    #[must_use]
    #[inline]
    pub fn drop_strong(&self) -> bool {
        self.take_off(STRONG, strong)
    }

    /// Counts off a weak handle that is gone, or the one for all strong handles
    /// together; whether it was the last, and the place is the caller's to free.
    #[must_use]
    #[inline]
    pub fn drop_weak(&self) -> bool {
        self.take_off(WEAK, weak)
    }

    fn take_off(&self, one: usize, field: fn(usize) -> usize) -> bool {
        // Release: what was done with the value comes before. Acquire: the last
        // one sees that of all others.
        let before = field(self.word.fetch_add(one.wrapping_neg(), Ordering::AcqRel));
        if before == 0 {
            // The word is damaged: rather a leak than a second last one.
            self.word.fetch_add(one, Ordering::Relaxed);
        }
        before == 1
    }

    /// Counts a strong handle, for who has a weak one.
    ///
    /// # Errors
    ///
    /// See [`NoUpgrade`].
    pub fn upgrade(&self) -> Result<(), NoUpgrade> {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            match strong(seen) {
                0 => return Err(NoUpgrade::Gone),
                MOST.. => return Err(NoUpgrade::TooMany),
                _ => {}
            }
            // Acquire: pairs with the Release in `begin`.
            match self.exchange(seen, seen.wrapping_add(STRONG), Ordering::Acquire) {
                Ok(()) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }

    /// Counts the first strong handle of a value that has just come: who has a weak
    /// one gets to it from here on.
    pub fn begin(&self) {
        // Release: pairs with the Acquire in `upgrade`; publishes the value.
        self.word.fetch_add(STRONG + WEAK, Ordering::Release);
    }

    /// Whether the caller's strong handle is the only one of all.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        // Acquire: pairs with the Release in `take_off`; what the others did with
        // the value has been done.
        self.word.load(Ordering::Acquire) == Handles::ONE_STRONG.to_word()
    }

    /// Counts off the caller's strong handle if it is the only strong one; whether
    /// it was, and the value is the caller's to take.
    #[must_use]
    pub fn take(&self) -> bool {
        let mut seen = self.word.load(Ordering::Relaxed);
        while strong(seen) == 1 {
            // Acquire: as in `is_unique`.
            match self.exchange(seen, seen - STRONG, Ordering::Acquire) {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    fn exchange(&self, seen: usize, next: usize, order: Ordering) -> Result<(), usize> {
        self.word.compare_exchange(seen, next, order, Ordering::Relaxed).map(|_| ())
    }
}

const fn strong(word: usize) -> usize {
    word >> HALF
}

const fn weak(word: usize) -> usize {
    word & (STRONG - 1)
}

impl<A: Atomics> fmt::Debug for Counts<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Handles { strong, weak } = self.get();
        write!(f, "Counts({strong} strong, {weak} weak)")
    }
}
