//! The C library's heap, which has other calls for blocks that are aligned further than usual.

use core::alloc::Layout;
use core::ffi::c_void;
use core::ptr::{self, NonNull};

unsafe extern "C" {
    fn _msize(block: *mut c_void) -> usize;
    fn _aligned_malloc(size: usize, align: usize) -> *mut c_void;
    fn _aligned_realloc(block: *mut c_void, size: usize, align: usize) -> *mut c_void;
    fn _aligned_free(block: *mut c_void);
}

/// Whether `malloc` aligns so without being asked.
fn is_plain(layout: Layout) -> bool {
    layout.align() <= 2 * size_of::<usize>()
}

/// A block, or null.
pub(crate) fn allocate(layout: Layout) -> *mut u8 {
    let size = layout.size().max(1);
    let block = if is_plain(layout) {
        // SAFETY: `malloc` takes any size.
        unsafe { libc::malloc(size) }
    } else {
        // SAFETY: the call takes any size, and any power of two.
        unsafe { _aligned_malloc(size, layout.align()) }
    };
    block.cast()
}

/// A block of zeroes, or null.
pub(crate) fn allocate_zeroed(layout: Layout) -> *mut u8 {
    let block = allocate(layout);
    if !block.is_null() {
        // SAFETY: the block is new and has that many bytes.
        unsafe { block.write_bytes(0, layout.size()) };
    }
    block
}

/// Makes a block `size` bytes long, perhaps elsewhere; null if that can't be, and the
/// block is as it was.
///
/// # Safety
///
/// The block is live, from this heap, and was asked for with `layout`; it is not used any
/// more unless null is returned.
pub(crate) unsafe fn reallocate(block: NonNull<u8>, layout: Layout, size: usize) -> *mut u8 {
    if size > isize::MAX as usize {
        return ptr::null_mut();
    }
    let (block, size) = (block.as_ptr().cast(), size.max(1));
    // SAFETY: the contract above; the block is from the call that goes with its layout.
    let moved = unsafe {
        match is_plain(layout) {
            true => libc::realloc(block, size),
            false => _aligned_realloc(block, size, layout.align()),
        }
    };
    moved.cast()
}

/// Frees a block.
///
/// # Safety
///
/// The block is live, from this heap, was asked for with `layout`, and is not used any more.
pub(crate) unsafe fn free(block: NonNull<u8>, layout: Layout) {
    let block = block.as_ptr().cast();
    // SAFETY: as in `reallocate`.
    unsafe {
        match is_plain(layout) {
            true => libc::free(block),
            false => _aligned_free(block),
        }
    }
}

/// Bytes of a block that may be used.
///
/// # Safety
///
/// The block is live, from this heap, and was asked for with `layout`.
pub(crate) unsafe fn usable_size(block: NonNull<u8>, layout: Layout) -> usize {
    // SAFETY: as in `reallocate`. The library does not tell for aligned blocks.
    if is_plain(layout) { unsafe { _msize(block.as_ptr().cast()) } } else { layout.size() }
}
