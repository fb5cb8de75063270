//! Sleeping on a word of memory.
//!
//! The system wakes by addresses of one process. So who sleeps on memory that processes
//! share is woken at once by threads of its own process; for others' it looks at the word
//! after short naps, and finds it changed.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::time::Instant;

use windows_sys::Win32::System::Threading::{WaitOnAddress, WakeByAddressAll, WakeByAddressSingle};

/// How long to sleep before looking at the word again: the least that there is.
const NAP: u32 = 1;

/// Sleeps while the lowest 32 bits of `word` are those of `expected`, for `most` at
/// most; whether nothing came.
pub(super) fn wait(word: &AtomicUsize, expected: usize, most: Duration) -> bool {
    let expected = expected as u32;
    let end = Instant::now().checked_add(most);
    while word.load(Ordering::Relaxed) as u32 == expected {
        if end.is_some_and(|end| Instant::now() >= end) {
            return true;
        }
        // SAFETY: both places are 4 bytes long, readable, and live; the lowest bits of a
        // word are its first.
        let woken = unsafe {
            WaitOnAddress(word.as_ptr().cast(), (&raw const expected).cast(), 4, NAP) != 0
        };
        if woken {
            return false;
        }
    }
    false
}

/// Wakes one of this process's threads that sleep on `word`, or all.
pub(super) fn wake(word: &AtomicUsize, most: u32) {
    let word = word.as_ptr().cast();
    match most {
        0 => {}
        // SAFETY: the system takes the address as a name.
        1 => unsafe { WakeByAddressSingle(word) },
        // SAFETY: as above.
        _ => unsafe { WakeByAddressAll(word) },
    }
}
