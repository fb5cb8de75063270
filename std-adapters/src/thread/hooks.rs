//! What to call when something happens, told by whoever has a stake in it.
//!
//! So the code that notices an event need not know who cares.

use std::sync::{Once, OnceLock};

/// A function that wants to be called.
pub(crate) struct Hook {
    call: fn(),
    added: Once,
}

impl Hook {
    pub(crate) const fn new(call: fn()) -> Self {
        Self { call, added: Once::new() }
    }
}

/// The functions to call at one event. Nothing here allocates.
pub(super) struct Hooks {
    places: [OnceLock<&'static Hook>; Self::MOST],
}

impl Hooks {
    /// As many as this crate has of one event.
    const MOST: usize = 12;

    pub(super) const fn new() -> Self {
        Self { places: [const { OnceLock::new() }; Self::MOST] }
    }

    /// Adds a hook, unless it was added before.
    pub(super) fn add(&self, hook: &'static Hook) {
        hook.added.call_once(|| {
            let added = self.places.iter().any(|place| place.set(hook).is_ok());
            debug_assert!(added, "more hooks than places");
        });
    }

    /// Calls all, in the order in which they were added.
    pub(super) fn call(&self) {
        for hook in self.places.iter().filter_map(OnceLock::get) {
            (hook.call)();
        }
    }
}
