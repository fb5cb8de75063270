//! What no general-purpose allocator is faster than: a bare list of free blocks.

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::Cell,
    ptr,
};
use std::alloc::System;

/// A list of blocks of one size for each thread, linked through the blocks
/// themselves: two loads and a store to take one, a load and two stores to give
/// one back.
///
/// It has no size classes, no owner of a block, no bounds and no end. What an
/// allocator needs beyond it is the price of being one.
#[derive(Debug)]
pub(super) struct List;

/// The size of every block: the largest that is measured on the list.
pub(super) const BLOCK: usize = 1024;

/// A free block.
struct Free {
    next: *mut Free,
}

thread_local! {
    static HEAD: Cell<*mut Free> = const { Cell::new(ptr::null_mut()) };
}

/// Reads the head of this thread's list.
///
/// Volatile, like the write: the optimiser would see that a pair takes what was
/// given back just before, and leave the list out.
#[inline(always)]
fn head() -> *mut Free {
    // SAFETY: the cell is this thread's own, and lives as long as the thread.
    HEAD.with(|head| unsafe { head.as_ptr().read_volatile() })
}

#[inline(always)]
fn set_head(to: *mut Free) {
    // SAFETY: the cell is this thread's own, and lives as long as the thread.
    HEAD.with(|head| unsafe { head.as_ptr().write_volatile(to) });
}

// SAFETY: a block comes from `System` or was freed before; it has the size and
// alignment of all that are measured, and is on the list or in use, never both.
unsafe impl GlobalAlloc for List {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        debug_assert!(layout.size() <= BLOCK && layout.align() <= align_of::<Free>());
        let first = head();
        if first.is_null() {
            return fresh();
        }
        // SAFETY: what is on the list is a free block of this thread.
        set_head(unsafe { (*first).next });
        first.cast()
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        let block: *mut Free = block.cast();
        // SAFETY: the block is not used any more, and is large enough for a link.
        unsafe { block.write(Free { next: head() }) };
        set_head(block);
    }
}

#[cold]
#[inline(never)]
fn fresh() -> *mut u8 {
    let layout = Layout::new::<[u64; BLOCK / size_of::<u64>()]>();
    // SAFETY: the layout has a size.
    unsafe { System.alloc(layout) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_freed_last_is_taken_first() {
        let layout = Layout::new::<u64>();
        // SAFETY: blocks are freed once, with the layout they were allocated with.
        let (freed, taken) = unsafe {
            let blocks = [List.alloc(layout), List.alloc(layout)];
            assert_ne!(blocks[0], blocks[1]);
            blocks.iter().for_each(|&block| List.dealloc(block, layout));
            (blocks, [List.alloc(layout), List.alloc(layout)])
        };
        assert_eq!(taken, [freed[1], freed[0]]);
    }
}
