//! The system calls that the adapters are made of.

pub(crate) mod byte_lock;
pub(crate) mod file_id;
pub(crate) mod map;
pub(crate) mod memory;
pub(crate) mod memory_file;
pub(crate) mod numa;
pub(crate) mod proc;
pub(crate) mod segment_file;
pub(crate) mod space;
pub(crate) mod userfault;

use std::io;

/// The error number of the calling thread's last failed system call.
pub(crate) fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// The system's page size in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: `sysconf` only reads its argument.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// 64 random bits.
///
/// From the kernel; where it refuses, mixed from the clock, the process and an
/// address.
pub(crate) fn random() -> u64 {
    let mut bits = 0_u64;
    // SAFETY: the buffer is 8 bytes long and writable.
    let got = unsafe { libc::getrandom((&raw mut bits).cast(), 8, libc::GRND_NONBLOCK) };
    if got == 8 { bits } else { mixed() }
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
