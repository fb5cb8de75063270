//! Words that somebody looked at, which only the kernel looks at again.

use core::ptr;
use core::sync::atomic::AtomicUsize;
use core::time::Duration;

use super::super::futex;
use crate::sys::errno;

/// A place and what somebody saw there; the place may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct Spot {
    at: usize,
    seen: u32,
}

impl Spot {
    /// The lowest bits of `word`, which were those of `seen`.
    pub(in super::super) fn new(word: &AtomicUsize, seen: usize) -> Self {
        Self { at: futex::lowest(word).expose_provenance(), seen: seen as u32 }
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
#[repr(C)]
struct KernelTime {
    seconds: i64,
    nanoseconds: i64,
}

/// Something that a thread sleeps on together with others (the kernel's
/// `struct futex_waitv`).
#[repr(C)]
pub(super) struct Waiter {
    seen: u64,
    at: u64,
    flags: u32,
    reserved: u32,
}

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
