//! What the library itself allocates: from its own heap as well, even in a
//! program that loaded it late and keeps to another `malloc`.

use core::alloc::{GlobalAlloc, Layout};

use crate::blocks;

struct Own;

#[global_allocator]
static OWN: Own = Own;

// SAFETY: the blocks are the heap's, as long and as aligned as asked for;
// nothing unwinds.
unsafe impl GlobalAlloc for Own {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        blocks::allocate_aligned(layout.size(), layout.align())
    }

    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { blocks::free(block) };
    }
}
