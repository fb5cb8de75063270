//! Sleeping on a word of memory that processes share: futexes.
//!
//! The kernel knows words of 32 bits, so the lowest bits of a word are what a
//! sleeper watches. The calls are not the private ones: the kernel finds the
//! sleepers by the memory, at whatever address each process has it.

use core::ptr;
use core::sync::atomic::AtomicUsize;
use core::time::Duration;

use crate::sys::errno;

/// Sleeps while the lowest bits of `word` are those of `expected`, for `most` at
/// most; whether it was not woken.
pub(super) fn wait(word: &AtomicUsize, expected: usize, most: Duration) -> bool {
    let most = libc::timespec {
        tv_sec: libc::time_t::try_from(most.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: most.subsec_nanos() as _,
    };
    // SAFETY: the word lives, and the kernel only reads it and the time.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex,
            lowest(word),
            libc::FUTEX_WAIT,
            expected as u32,
            &raw const most,
            ptr::null::<u32>(),
            0,
        )
    };
    result != 0 && errno() == libc::ETIMEDOUT
}

/// Wakes `most` at most of those who sleep on `word`; how many.
pub(super) fn wake(word: &AtomicUsize, most: u32) -> u32 {
    let most = i32::try_from(most).unwrap_or(i32::MAX);
    // SAFETY: the kernel takes the word's address as a name.
    let woken = unsafe { libc::syscall(libc::SYS_futex, lowest(word), libc::FUTEX_WAKE, most) };
    u32::try_from(woken).unwrap_or(0)
}

/// Where the lowest 32 bits of a word are.
pub(super) fn lowest(word: &AtomicUsize) -> *const u32 {
    let halves = size_of::<usize>() / size_of::<u32>();
    let index = if cfg!(target_endian = "big") { halves - 1 } else { 0 };
    word.as_ptr().cast::<u32>().wrapping_add(index).cast_const()
}
