//! An end for processes that do not end.

/// Ends this process by a signal when it has not ended within `seconds`.
pub fn watchdog(seconds: u32) {
    // SAFETY: takes a number.
    unsafe { libc::alarm(seconds) };
}
