//! A thread that works for the profile.
//!
//! What it allocates meanwhile is the profile's own and not sampled. No signal
//! handler runs: it could allocate, or fork, and wait for what it interrupted.

use core::cell::Cell;

use crate::sys::signals;

thread_local! {
    static ENTERED: Cell<bool> = const { Cell::new(false) };
}

/// The calling thread works for the profile as long as this lives.
pub(super) struct Apart {
    /// Kept for what it does when it is dropped, after the thread has left.
    _signals: signals::Held,
}

impl Apart {
    /// `None` if the thread does so already.
    pub(super) fn enter() -> Option<Self> {
        (!ENTERED.replace(true)).then(|| Self { _signals: signals::hold() })
    }

    pub(super) fn is_entered() -> bool {
        ENTERED.get()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        ENTERED.set(false);
    }
}
