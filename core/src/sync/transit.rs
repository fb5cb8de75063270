//! Whether something was on its way from one place to another when somebody looked.
//!
//! What is moved is in neither place as a whole for a while. Who looks without a lock may find
//! a part of it missing, which is not there to stay.
//!
//! # What it guarantees
//!
//! - Who finds a state that is there only meanwhile is told that
//!   [there was a passage](Transit::was_meanwhile).
//! - When all passages have ended, nobody is told so any more.
//! - Nobody waits.
//!
//! # Protocol
//!
//! | step | who |
//! |---|---|
//! | [`begin`](Transit::begin), move, [`end`](Transit::end) | who moves, any number at a time |
//! | [`ended`](Transit::ended), look, [`was_meanwhile`](Transit::was_meanwhile) if it is not as it should be; if so, look again | anybody |
//!
//! Two words count the passages that have begun and those that have ended, wrapping around. If
//! as many had ended when the look began as have begun by its end, none was under way.

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, Native};

/// The protocol, over two words that are both 0 in the beginning.
pub struct Transit<'w, A: Atomics = Native> {
    begun: &'w A::U32,
    ended: &'w A::U32,
}

impl<'w, A: Atomics> Transit<'w, A> {
    /// The passages that are counted in these words.
    #[must_use]
    #[inline]
    pub const fn new([begun, ended]: &'w [A::U32; 2]) -> Self {
        Self { begun, ended }
    }

    /// Begins a passage, before anything is moved.
    pub fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        // Release: pairs with the fence in `was_meanwhile`; who sees what is moved from now on
        // sees the count.
        A::fence(Ordering::Release);
    }

    /// Ends a passage, after everything is where it belongs.
    pub fn end(&self) {
        // Release: pairs with the Acquire in `ended`; publishes what was moved.
        self.ended.fetch_add(1, Ordering::Release);
    }

    /// How many passages have ended, for who begins to look.
    #[must_use]
    pub fn ended(&self) -> u32 {
        // Acquire: pairs with the Release in `end`; what those have moved is seen.
        self.ended.load(Ordering::Acquire)
    }

    /// Whether there was a passage since [`ended`](Self::ended) was `since`, or is one.
    #[must_use]
    pub fn was_meanwhile(&self, since: u32) -> bool {
        // Acquire: pairs with the fence in `begin`, by what was seen of the passage.
        A::fence(Ordering::Acquire);
        self.begun.load(Ordering::Relaxed) != since
    }
}

impl<A: Atomics> fmt::Debug for Transit<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [begun, ended] = [self.begun, self.ended].map(|word| word.load(Ordering::Relaxed));
        write!(f, "Transit({begun} begun, {ended} ended)")
    }
}
