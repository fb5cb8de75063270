//! The calling thread's `errno`.

use core::ffi::c_int;

/// Has `errno` back as it was when it goes.
pub(crate) struct Kept(c_int);

/// Keeps `errno` as it is for as long as the answer lives.
pub(crate) fn keep() -> Kept {
    // SAFETY: the place is the calling thread's own.
    Kept(unsafe { *libc::__errno_location() })
}

impl Drop for Kept {
    fn drop(&mut self) {
        set(self.0);
    }
}

pub(crate) fn set(code: c_int) {
    // SAFETY: the place is the calling thread's own.
    unsafe { *libc::__errno_location() = code };
}
