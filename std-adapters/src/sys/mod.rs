//! The system calls that the adapters are made of.

pub(crate) mod file_id;
#[cfg(unix)]
mod posix;
#[cfg(windows)]
mod windows;

use std::io;

#[cfg(unix)]
pub(crate) use posix::*;
#[cfg(windows)]
pub(crate) use windows::*;

/// What the base of a heap's memory is aligned to: the largest slab of a heap.
pub(crate) const ALIGN: usize = 64 << 10;

/// The error number of the calling thread's last failed system call.
pub(crate) fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// 64 random bits.
///
/// From the kernel; where it refuses, mixed from the clock, the process and an
/// address.
pub(crate) fn random() -> u64 {
    kernels_random().unwrap_or_else(mixed)
}

/// What a new heap is keyed with; nothing, where heaps are not hardened.
pub(crate) fn secret() -> u64 {
    if cfg!(feature = "secure") { random() } else { 0 }
}

fn mixed() -> u64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |time| time.as_nanos() as u64);
    let here = (&raw const now).addr() as u64;
    let seed = now ^ u64::from(std::process::id()).rotate_left(40) ^ here.rotate_left(20);
    (seed ^ seed >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
