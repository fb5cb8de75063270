//! The C library's heap: all blocks as those that are aligned, for freeing needs to know.

use core::alloc::Layout;
use core::ffi::c_void;
use core::ptr::{self, NonNull};

unsafe extern "C" {
    fn _aligned_malloc(size: usize, align: usize) -> *mut c_void;
    fn _aligned_realloc(block: *mut c_void, size: usize, align: usize) -> *mut c_void;
    fn _aligned_free(block: *mut c_void);
    fn _aligned_msize(block: *mut c_void, align: usize, offset: usize) -> usize;
}

/// A block, or null.
pub(crate) fn allocate(layout: Layout) -> *mut u8 {
    // SAFETY: the call takes any size, and any power of two.
    unsafe { _aligned_malloc(layout.size().max(1), layout.align()).cast() }
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
    // SAFETY: the contract above.
    unsafe { _aligned_realloc(block.as_ptr().cast(), size.max(1), layout.align()).cast() }
}

/// Frees a block.
///
/// # Safety
///
/// The block is live, from this heap, and not used any more.
pub(crate) unsafe fn free(block: NonNull<u8>, _layout: Layout) {
    // SAFETY: the contract above.
    unsafe { _aligned_free(block.as_ptr().cast()) };
}

/// Bytes of a block that may be used.
///
/// # Safety
///
/// The block is live, from this heap, and was asked for with `layout`.
pub(crate) unsafe fn usable_size(block: NonNull<u8>, layout: Layout) -> usize {
    // SAFETY: the contract above.
    unsafe { _aligned_msize(block.as_ptr().cast(), layout.align(), 0) }
}
