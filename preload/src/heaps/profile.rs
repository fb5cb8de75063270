//! The profile of the process's own heap.

use core::ffi::c_char;
use std::path::Path;

use super::status::{Failure, anymem_status, status_of};
use super::text;
use crate::process::HEAP;

/// Writes the profile of the program's own allocations so far to the file
/// `path`, for pprof. There is one if the program was started with
/// ANYMEM_PROFILE.
///
/// # Safety
///
/// `path` is a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn anymem_profile_write(path: *const c_char) -> anymem_status {
    let write = || {
        // SAFETY: passed on from the caller.
        let path = unsafe { text::of(path) }?;
        let none = || {
            let text = "no profile is made: start the program with ANYMEM_PROFILE=FILE";
            Failure::of(anymem_status::ANYMEM_MISSING, text)
        };
        let written = HEAP.profile().ok_or_else(none)?.write(Path::new(path));
        written.map_err(|error| Failure::of(anymem_status::ANYMEM_SYSTEM, error))
    };
    status_of(write())
}
