//! The calls of Linux.

pub(crate) mod byte_lock;
pub(crate) mod c_heap;
pub(crate) mod map;
pub(crate) mod memory;
pub(crate) mod memory_file;
pub(crate) mod numa;
pub(crate) mod proc;
pub(crate) mod segment_file;
pub(crate) mod signals;
pub(crate) mod space;
pub(crate) mod userfault;

/// The system's page size in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: `sysconf` only reads its argument.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// 64 random bits of the kernel, if it has them at hand.
pub(super) fn kernels_random() -> Option<u64> {
    let mut bits = 0_u64;
    // SAFETY: the buffer is 8 bytes long and writable.
    let got = unsafe { libc::getrandom((&raw mut bits).cast(), 8, libc::GRND_NONBLOCK) };
    (got == 8).then_some(bits)
}
