//! What is done with a block that cannot be resized where it stands.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

/// Allocates anew, copies and frees; null, and the old block as it was, if there is no room.
///
/// # Safety
///
/// As for [`GlobalAlloc::realloc`].
pub(super) unsafe fn reallocate(
    allocator: &impl GlobalAlloc,
    block: NonNull<u8>,
    layout: Layout,
    new_size: usize,
) -> *mut u8 {
    let Ok(wanted) = Layout::from_size_align(new_size, layout.align()) else {
        return ptr::null_mut();
    };
    // SAFETY: passed on from the caller.
    let Some(new) = NonNull::new(unsafe { allocator.alloc(wanted) }) else {
        return ptr::null_mut();
    };
    // SAFETY: both blocks are as long, and disjoint, for both are in use.
    unsafe { new.copy_from_nonoverlapping(block, layout.size().min(new_size)) };
    // SAFETY: passed on from the caller.
    unsafe { allocator.dealloc(block.as_ptr(), layout) };
    new.as_ptr()
}
