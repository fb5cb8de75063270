//! Texts that C hands over.

use core::ffi::{CStr, c_char};

use super::status::{Failure, anymem_status};

/// The text at `start`.
///
/// # Safety
///
/// `start` is null or points to a text with a zero byte at its end, which stays
/// as it is for as long as the answer is used.
pub(super) unsafe fn of<'a>(start: *const c_char) -> Result<&'a str, Failure> {
    if start.is_null() {
        return Err(Failure::of(anymem_status::ANYMEM_INVALID, "a text is null"));
    }
    // SAFETY: passed on from the caller.
    let text = unsafe { CStr::from_ptr(start) };
    text.to_str().map_err(|error| Failure::of(anymem_status::ANYMEM_INVALID, error))
}
