//! How many use what somebody else has offered, so that he knows when nobody does.
//!
//! Who offers something says that it [holds](Validity); who uses it counts himself in a word
//! of his own, which the offerer can read. The offerer ends the offer first, and looks at the
//! count then.
//!
//! # What it guarantees
//!
//! - If the offerer has seen no uses after he ended the offer, nobody uses it, nor ever will.
//! - All that was done in a use that ended is done for him then.
//! - Nobody waits for anybody.
//!
//! # Protocol
//!
//! | user | offerer |
//! |---|---|
//! | counts himself | ends the offer |
//! | fence | fence |
//! | looks whether the offer holds; if not, counts himself off | looks at the count |
//!
//! Each writes, and then reads what the other writes. The fences let one of the two see
//! the other, at least.

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, Native, Validity};

/// The protocol, over a word of one user that stands anywhere.
pub struct Uses<'w, A: Atomics = Native> {
    count: &'w A::U32,
}

impl<'w, A: Atomics> Uses<'w, A> {
    /// The uses that are counted in `count`, which begins with 0.
    #[must_use]
    #[inline]
    pub const fn new(count: &'w A::U32) -> Self {
        Self { count }
    }

    /// Begins a use of what is offered with this number; whether that holds.
    #[must_use]
    #[inline]
    pub fn begin(&self, offer: &Validity<'_, A>, number: u32) -> bool {
        // Relaxed: the fence orders it before the look.
        self.count.fetch_add(1, Ordering::Relaxed);
        // SeqCst: pairs with the fence in `are_over`; one sees the count, or the other the end.
        A::fence(Ordering::SeqCst);
        let holds = offer.holds(number);
        if !holds {
            self.end();
        }
        holds
    }

    /// Ends a use.
    #[inline]
    pub fn end(&self) {
        // Release: pairs with the Acquire in `are_over`; what was done in the use is done.
        self.count.fetch_add(u32::MAX, Ordering::Release);
    }

    /// Whether there are no uses, for who has ended the offer.
    #[must_use]
    pub fn are_over(&self) -> bool {
        // SeqCst: pairs with the fence in `begin`.
        A::fence(Ordering::SeqCst);
        // Acquire: pairs with the Release in `end`.
        self.count.load(Ordering::Acquire) == 0
    }
}

impl<A: Atomics> fmt::Debug for Uses<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uses({:?})", self.count.load(Ordering::Relaxed))
    }
}
