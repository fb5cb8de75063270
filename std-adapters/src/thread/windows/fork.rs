//! Processes are not copied here: there is nothing to hold up, and no child to tell.

use crate::thread::hooks::Hook;

/// What holds forks up elsewhere.
#[derive(Debug)]
pub(crate) struct Hold;

/// Holds nothing up.
pub(crate) const fn hold() -> Hold {
    Hold
}

/// `hook` is never called, for there are no forked children.
pub(crate) const fn call_in_child(hook: &'static Hook) {
    let _ = hook;
}
