//! Blocks of a certain alignment.

use core::ffi::{c_int, c_void};
use core::ptr;

use crate::{blocks, errno};

/// Stores a block of `size` bytes aligned to `align` in `place`; an error number
/// if that can't be done, and 0 if it was.
///
/// # Safety
///
/// `place` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(
    place: *mut *mut c_void,
    align: usize,
    size: usize,
) -> c_int {
    if !align.is_power_of_two() || align < size_of::<*mut c_void>() {
        return libc::EINVAL;
    }
    let _errno = errno::keep();
    let block = blocks::allocate_aligned(size, align);
    if block.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: passed on from the caller.
    unsafe { place.write(block.cast()) };
    0
}

/// A block of `size` bytes aligned to `align`, a power of two.
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    if !align.is_power_of_two() {
        errno::set(libc::EINVAL);
        return ptr::null_mut();
    }
    blocks::allocate_aligned(size, align).cast()
}

/// As [`aligned_alloc`], for old programs.
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    aligned_alloc(align, size)
}

/// A block of `size` bytes aligned to a page.
#[unsafe(no_mangle)]
pub extern "C" fn valloc(size: usize) -> *mut c_void {
    blocks::allocate_aligned(size, page_size()).cast()
}

/// A block of whole pages, `size` bytes or more.
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(size: usize) -> *mut c_void {
    let pages = size.max(1).checked_next_multiple_of(page_size());
    blocks::allocate_aligned(pages.unwrap_or(usize::MAX), page_size()).cast()
}

fn page_size() -> usize {
    // SAFETY: takes a number.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}
