//! What becomes of a program that misused a block.
//!
//! A hardened heap (feature `secure`) sees it at once, and the program ends with
//! a message. Otherwise it goes on: the heap has counted it.

use core::ptr::NonNull;

use anymem::allocator::{AllocError, FreeError};

use crate::stderr::say;

/// Judges a free.
pub(crate) fn on_free(block: NonNull<u8>, freed: Result<(), FreeError>) {
    if let Err(error) = freed
        && cfg!(feature = "secure")
    {
        end(block, error);
    }
}

/// Judges a resize; what it yielded, if anything.
pub(crate) fn on_resize<T>(block: NonNull<u8>, moved: Result<T, AllocError>) -> Option<T> {
    if let Err(AllocError::BadBlock(error)) = moved
        && cfg!(feature = "secure")
    {
        end(block, error);
    }
    moved.ok()
}

#[cold]
fn end(block: NonNull<u8>, error: FreeError) -> ! {
    say(format_args!("{block:p}: {error}"));
    // SAFETY: ends the process.
    unsafe { libc::abort() }
}
