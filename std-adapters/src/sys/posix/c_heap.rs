//! The C library's heap.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

/// What `malloc` aligns to without being asked.
const PLAIN: usize = align_of::<libc::max_align_t>();

/// A block, or null.
pub(crate) fn allocate(layout: Layout) -> *mut u8 {
    match layout.align() {
        // SAFETY: `malloc` takes any size.
        ..=PLAIN => unsafe { libc::malloc(layout.size().max(1)).cast() },
        _ => aligned(layout),
    }
}

fn aligned(layout: Layout) -> *mut u8 {
    let mut block = ptr::null_mut();
    // SAFETY: the alignment is a power of two and a multiple of a pointer's.
    let result =
        unsafe { libc::posix_memalign(&raw mut block, layout.align(), layout.size().max(1)) };
    if result == 0 { block.cast() } else { ptr::null_mut() }
}

/// A block of zeroes, or null.
pub(crate) fn allocate_zeroed(layout: Layout) -> *mut u8 {
    if layout.align() <= PLAIN {
        // SAFETY: `calloc` takes any size.
        return unsafe { libc::calloc(1, layout.size().max(1)).cast() };
    }
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
    if layout.align() <= PLAIN {
        // SAFETY: the block is live (contract), and the size is not 0.
        return unsafe { libc::realloc(block.as_ptr().cast(), size.max(1)).cast() };
    }
    let Ok(new_layout) = Layout::from_size_align(size, layout.align()) else {
        return ptr::null_mut();
    };
    let new = aligned(new_layout);
    if !new.is_null() {
        // SAFETY: both blocks are live, different, and have that many bytes.
        unsafe { new.copy_from_nonoverlapping(block.as_ptr(), layout.size().min(size)) };
        // SAFETY: passed on from the caller; the contents have moved.
        unsafe { free(block, layout) };
    }
    new
}

/// Frees a block.
///
/// # Safety
///
/// The block is live, from this heap, and not used any more.
pub(crate) unsafe fn free(block: NonNull<u8>, _layout: Layout) {
    // SAFETY: the contract above.
    unsafe { libc::free(block.as_ptr().cast()) };
}

/// Bytes of a block that may be used.
///
/// # Safety
///
/// The block is live, and from this heap.
pub(crate) unsafe fn usable_size(block: NonNull<u8>, _layout: Layout) -> usize {
    // SAFETY: the contract above.
    unsafe { libc::malloc_usable_size(block.as_ptr().cast()) }
}
