//! Files that are mapped by one provider at a time, and those that are memory themselves.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use super::ProviderError;
use crate::sys::map::{self, Contents};
use crate::sys::{errno, page_size};

/// For `mmap`: what is written is in the file, without a call that says so.
pub(super) const FLAGS: i32 = libc::MAP_SHARED_VALIDATE | libc::MAP_SYNC;

/// Whether the file is memory itself, with no page cache between.
pub(super) fn is_direct(file: &File) -> bool {
    let what = Contents { access: libc::PROT_READ, flags: FLAGS, file: file.as_raw_fd(), at: 0 };
    let len = page_size();
    // Nothing is touched, so the file need not be that long.
    map::map(len, len, what).is_ok_and(|start| {
        // SAFETY: the range was just mapped, and nobody else knows of it.
        unsafe { map::unmap(start, len) }.is_ok()
    })
}

/// Takes a file until it is [set free](disclaim) or closed: two providers would hand out
/// the same bytes.
pub(super) fn claim(file: &File, path: &Path) -> Result<(), ProviderError> {
    // SAFETY: the file is open; the call touches no memory.
    let locked = unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) };
    if locked == 0 || errno() != libc::EWOULDBLOCK {
        // Some file systems know no locks.
        return Ok(());
    }
    Err(bad(path, "another provider has it: use that one, or another file"))
}

/// Sets a file free, also for who has copies of its descriptor. Does nothing to one that was
/// not taken.
pub(super) fn disclaim(file: &File) {
    // SAFETY: the file is open; the call touches no memory.
    unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_UN) };
}

pub(super) fn bad(path: &Path, why: &str) -> ProviderError {
    let value = path.display().to_string();
    ProviderError::BadSetting { setting: "path", value, why: why.into() }
}

pub(super) fn system(call: &'static str, path: &Path, error: &io::Error) -> ProviderError {
    match error.raw_os_error() {
        Some(libc::ELOOP) => bad(path, "it is a symbolic link: name what it leads to"),
        Some(libc::EISDIR) => bad(path, "it is a directory: name a file"),
        code => {
            let what = path.display().to_string();
            ProviderError::System { call, what, code: code.unwrap_or(0) }
        }
    }
}
