//! What to call when something happens, told by whoever has a stake in it.
//!
//! So the code that notices an event need not know who cares. Nothing here allocates or waits,
//! so that a child that is forked while another thread adds a hook can add its own.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// A function that wants to be called.
pub(crate) struct Hook {
    call: fn(),
}

impl Hook {
    pub(crate) const fn new(call: fn()) -> Self {
        Self { call }
    }
}

/// The functions to call at one event.
///
/// Places are filled from the first on, each once and for ever: so a hook has one place,
/// whoever adds it at the same time.
pub(super) struct Hooks {
    places: [AtomicPtr<Hook>; Self::MOST],
}

impl Hooks {
    /// As many as this crate has of one event.
    const MOST: usize = 12;

    pub(super) const fn new() -> Self {
        Self { places: [const { AtomicPtr::new(ptr::null_mut()) }; Self::MOST] }
    }

    /// Adds a hook, unless it was added before.
    pub(super) fn add(&self, hook: &'static Hook) {
        let added = self.places.iter().any(|place| settles(place, hook));
        debug_assert!(added, "more hooks than places");
    }

    /// Calls all, in the order in which they were added.
    pub(super) fn call(&self) {
        // Acquire: pairs with the Release in `settles`; what was done before a hook was added
        // is seen by it.
        let hooks = self.places.iter().map(|place| place.load(Ordering::Acquire));
        for hook in hooks.take_while(|hook| !hook.is_null()) {
            // SAFETY: a place that is not null has had a `&'static Hook` stored.
            (unsafe { &*hook }.call)();
        }
    }
}

/// Whether `hook` is what the place holds from now on.
fn settles(place: &AtomicPtr<Hook>, hook: &'static Hook) -> bool {
    let hook = ptr::from_ref(hook).cast_mut();
    // Release: pairs with the Acquire in `call`. Acquire, where another thread added it, for
    // whoever is told by this one that it was added.
    let (success, failure) = (Ordering::Release, Ordering::Acquire);
    match place.compare_exchange(ptr::null_mut(), hook, success, failure) {
        Ok(_) => true,
        Err(other) => ptr::eq(other, hook),
    }
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::AtomicU32;
    use std::sync::Barrier;

    use super::*;

    const THREADS: usize = 4;

    static CALLS: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];

    #[test]
    fn hooks_that_many_add_are_called_once() {
        static HOOKS: Hooks = Hooks::new();
        static ADDED: [Hook; 2] = [
            Hook::new(|| _ = CALLS[0].fetch_add(1, Ordering::Relaxed)),
            Hook::new(|| _ = CALLS[1].fetch_add(1, Ordering::Relaxed)),
        ];
        let start = Barrier::new(THREADS);
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    HOOKS.add(&ADDED[thread % 2]);
                    HOOKS.add(&ADDED[(thread + 1) % 2]);
                });
            }
        });
        HOOKS.call();
        let calls = CALLS.each_ref().map(|calls| calls.load(Ordering::Relaxed));
        assert_eq!(calls, [1, 1]);
    }
}
