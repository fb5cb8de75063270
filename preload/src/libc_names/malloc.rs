//! `malloc`, `free` and what works on blocks.

use core::ffi::c_void;
use core::ptr;

use crate::{blocks, errno};

/// A block of `size` bytes.
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut c_void {
    blocks::allocate(size).cast()
}

/// A block of `count` elements of `size` bytes, all zero.
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        Some(bytes) => blocks::allocate_zeroed(bytes).cast(),
        None => no_memory(),
    }
}

/// Makes a block larger or smaller; frees it where `size` is 0.
///
/// # Safety
///
/// `block` is null or a live block, which is not used afterwards unless null is
/// answered for a `size` that is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    if block.is_null() {
        return malloc(size);
    }
    if size == 0 {
        // SAFETY: passed on from the caller.
        unsafe { blocks::free(block.cast()) };
        return ptr::null_mut();
    }
    // SAFETY: passed on from the caller.
    unsafe { blocks::resize(block.cast(), size) }.cast()
}

/// As [`realloc`], for `count` elements of `size` bytes.
///
/// # Safety
///
/// As for [`realloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(
    block: *mut c_void,
    count: usize,
    size: usize,
) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: passed on from the caller.
        Some(bytes) => unsafe { realloc(block, bytes) },
        None => no_memory(),
    }
}

/// Frees a block.
///
/// # Safety
///
/// `block` is null or a live block, and is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut c_void) {
    // SAFETY: passed on from the caller.
    unsafe { blocks::free(block.cast()) };
}

/// As [`free`], for old programs.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cfree(block: *mut c_void) {
    // SAFETY: passed on from the caller.
    unsafe { blocks::free(block.cast()) };
}

/// As [`free`]. The size is not relied upon: programs get it wrong.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_sized(block: *mut c_void, _size: usize) {
    // SAFETY: passed on from the caller.
    unsafe { blocks::free(block.cast()) };
}

/// As [`free`]. The size and the alignment are not relied upon.
///
/// # Safety
///
/// As for [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_aligned_sized(block: *mut c_void, _align: usize, _size: usize) {
    // SAFETY: passed on from the caller.
    unsafe { blocks::free(block.cast()) };
}

/// Bytes of a block that may be used; 0 for null.
///
/// # Safety
///
/// `block` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    blocks::usable_size(block.cast())
}

fn no_memory() -> *mut c_void {
    errno::set(libc::ENOMEM);
    ptr::null_mut()
}
