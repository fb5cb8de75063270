//! Files in memory that have no name.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};

use crate::sys::errno;

/// Makes an empty one; `label` is what `/proc` shows, `flags` say of what pages it is.
///
/// Returns the system's error number where it refuses.
pub(crate) fn create(label: &CStr, flags: libc::c_uint) -> Result<File, i32> {
    let make = |flags| {
        // SAFETY: the label ends in a zero byte and outlives the call.
        unsafe { libc::memfd_create(label.as_ptr(), flags) }
    };
    let flags = flags | libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    let fd = match make(flags | libc::MFD_NOEXEC_SEAL) {
        // Kernels before 6.3 don't know the flag.
        -1 if errno() == libc::EINVAL => make(flags),
        fd => fd,
    };
    if fd < 0 {
        return Err(errno());
    }
    // SAFETY: the descriptor was just made, and nobody else has it.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Forbids for good what `seals` say.
///
/// Returns the system's error number where it refuses.
pub(crate) fn seal(file: &File, seals: i32) -> Result<(), i32> {
    // SAFETY: the file is open; the call touches no memory.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) };
    if result == 0 { Ok(()) } else { Err(errno()) }
}
