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

/// A place and what somebody saw there; the place may be gone.
#[cfg(feature = "async")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    at: usize,
    seen: u32,
}

#[cfg(feature = "async")]
impl Spot {
    /// The lowest bits of `word`, which were those of `seen`.
    pub(super) fn new(word: &AtomicUsize, seen: usize) -> Self {
        Self { at: lowest(word).expose_provenance(), seen: seen as u32 }
    }

    /// Whether something else is there now, or nothing.
    pub(super) fn has_changed(self) -> bool {
        // Moves nobody who sleeps there elsewhere, which the kernel does only where it
        // finds what was seen.
        // SAFETY: the kernel reads the place, or says that it cannot.
        let moved = unsafe {
            libc::syscall(
                libc::SYS_futex,
                self.at,
                libc::FUTEX_CMP_REQUEUE,
                0,
                0,
                self.at,
                self.seen,
            )
        };
        moved != 0
    }

    /// Wakes one who sleeps there.
    pub(super) fn wake_one(self) {
        // SAFETY: the kernel takes the address as a name.
        unsafe { libc::syscall(libc::SYS_futex, self.at, libc::FUTEX_WAKE, 1) };
    }
}

/// A time as the kernel has it on all machines.
#[cfg(feature = "async")]
#[repr(C)]
struct KernelTime {
    seconds: i64,
    nanoseconds: i64,
}

/// Something that a thread sleeps on together with others (the kernel's
/// `struct futex_waitv`).
#[cfg(feature = "async")]
#[repr(C)]
pub(super) struct Waiter {
    seen: u64,
    at: u64,
    flags: u32,
    reserved: u32,
}

#[cfg(feature = "async")]
impl Waiter {
    pub(super) fn new(spot: &Spot) -> Self {
        /// A word of 32 bits.
        const SIZE_U32: u32 = 2;
        Self { seen: spot.seen.into(), at: spot.at as u64, flags: SIZE_U32, reserved: 0 }
    }
}

/// Sleeps while all `waiters`, 128 at most, are as they were seen, until then by the
/// monotonic clock; the index of one that the thread was woken at, or the system's
/// error number.
#[cfg(feature = "async")]
pub(super) fn wait_for_any(waiters: &[Waiter], until: Option<Duration>) -> Result<usize, i32> {
    let until = until.map(|until| KernelTime {
        seconds: i64::try_from(until.as_secs()).unwrap_or(i64::MAX),
        nanoseconds: until.subsec_nanos().into(),
    });
    // SAFETY: the kernel only reads the waiters, the time, and where they point to, if
    // it can.
    let result = unsafe {
        libc::syscall(
            libc::SYS_futex_waitv,
            waiters.as_ptr(),
            waiters.len(),
            0,
            until.as_ref().map_or(ptr::null(), ptr::from_ref),
            libc::CLOCK_MONOTONIC,
        )
    };
    usize::try_from(result).map_err(|_| errno())
}

/// Where the lowest 32 bits of a word are.
fn lowest(word: &AtomicUsize) -> *const u32 {
    let halves = size_of::<usize>() / size_of::<u32>();
    let index = if cfg!(target_endian = "big") { halves - 1 } else { 0 };
    word.as_ptr().cast::<u32>().wrapping_add(index).cast_const()
}
