//! What becomes of a program that misused a block.
//!
//! `GlobalAlloc` and C's `free` have no way to tell of an error. Where heaps are
//! hardened (feature `secure`) the process says what it saw and ends; otherwise it
//! goes on, and the heap has counted it.

use core::ptr::NonNull;
use std::io::Write;

use anymem_core::allocator::{AllocError, FreeError};

/// Judges a free of `block`.
///
/// In a hardened heap, a misuse ends the process.
#[inline]
pub fn on_free(block: NonNull<u8>, freed: Result<(), FreeError>) {
    if let Err(error) = freed
        && cfg!(feature = "secure")
    {
        end(block, error);
    }
}

/// Judges a resize of `block`; what it yielded, if anything.
///
/// In a hardened heap, a misuse ends the process.
#[inline]
pub fn on_resize<T>(block: NonNull<u8>, moved: Result<T, AllocError>) -> Option<T> {
    if let Err(AllocError::BadBlock(error)) = moved
        && cfg!(feature = "secure")
    {
        end(block, error);
    }
    moved.ok()
}

/// Says what was wrong with a block, without allocating, and aborts.
#[cold]
fn end(block: NonNull<u8>, error: FreeError) -> ! {
    let mut text = [0_u8; 256];
    let mut rest = &mut text[..];
    let _ = writeln!(rest, "anymem: {block:p}: {error}");
    let len = 256 - rest.len();
    // SAFETY: the text is that long.
    let _ = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), len as _) };
    std::process::abort()
}
