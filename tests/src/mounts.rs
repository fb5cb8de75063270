//! Mounts, and processes that have some of their own.

use std::ffi::CStr;
use std::{io, ptr};

/// Mounts something.
///
/// # Errors
///
/// What the system says; it needs root.
pub fn mount(
    what: Option<&CStr>,
    to: &CStr,
    kind: Option<&CStr>,
    flags: libc::c_ulong,
    data: Option<&CStr>,
) -> io::Result<()> {
    let text = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    let data = text(data).cast();
    // SAFETY: all strings end in zero bytes and outlive the call.
    check(unsafe { libc::mount(text(what), to.as_ptr(), text(kind), flags, data) })
}

/// From now on the calling thread, and who it starts, have mounts of their own.
///
/// # Errors
///
/// What the system says; it needs root.
pub fn own_mounts() -> io::Result<()> {
    // SAFETY: takes flags.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None)
}

/// What a system call returned.
pub(crate) fn check(result: i32) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
