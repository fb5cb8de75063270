//! Whose process is at the other end of a socket.

use core::mem::MaybeUninit;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The process id, 0 if it has none in this namespace, and the user of whoever connected,
/// or listened.
pub(super) fn of(socket: BorrowedFd<'_>) -> io::Result<(u32, u32)> {
    let mut found = MaybeUninit::<libc::ucred>::zeroed();
    let mut len = size_of::<libc::ucred>() as libc::socklen_t;
    let place = found.as_mut_ptr().cast();
    let which = libc::SO_PEERCRED;
    // SAFETY: the socket is open for as long as it is borrowed; the structure is writable
    // and `len` long.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, which, place, &raw mut len)
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: all zeroes are a value of the structure, and so is what the system wrote.
    let found = unsafe { found.assume_init() };
    Ok((found.pid.cast_unsigned(), found.uid))
}
