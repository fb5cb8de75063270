//! The calls of a global allocator.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};
use std::alloc::System;

use anymem_core::allocator::Allocator;
use anymem_core::thread::Context;

use super::{ShmAlloc, local};
use crate::verdict;

/// Calls that do not find the thread's slot at once.
impl ShmAlloc {
    #[cold]
    #[inline(never)]
    fn allocate_slow(&self, layout: Layout) -> *mut u8 {
        let allocate = || local::with(&self.made, |heap| heap.allocate(layout).ok());
        let bound = allocate().or_else(|| if self.bind() { allocate() } else { None });
        let block = bound.unwrap_or_else(|| self.allocate_unbound(layout));
        self.observe(block, layout);
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[cold]
    #[inline(never)]
    fn allocate_zeroed_slow(&self, layout: Layout) -> *mut u8 {
        let allocate = || local::with(&self.made, |heap| heap.allocate_zeroed(layout).ok());
        let bound = allocate().or_else(|| if self.bind() { allocate() } else { None });
        let block = bound.unwrap_or_else(|| {
            let block = self.allocate_unbound(layout)?;
            // SAFETY: the block was just handed out; it has as many bytes.
            unsafe { block.write_bytes(0, layout.size()) };
            Some(block)
        });
        self.observe(block, layout);
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    fn observe(&self, block: Option<NonNull<u8>>, layout: Layout) {
        if let (Some(observer), Some(block)) = (self.observer(), block) {
            observer.allocated(block, layout.size());
        }
    }

    fn bind(&self) -> bool {
        self.made().is_some_and(local::bind)
    }

    fn allocate_unbound(&self, layout: Layout) -> Option<NonNull<u8>> {
        let Some(made) = self.made() else {
            // SAFETY: the layout of a global allocator's call has a size.
            return NonNull::new(unsafe { System.alloc(layout) });
        };
        let at = made.heap.allocate(Context::DEFAULT, layout).ok()?;
        made.heap.resolve(at, layout.size())
    }

    /// # Safety
    ///
    /// As for `dealloc`.
    #[cold]
    #[inline(never)]
    unsafe fn free_slow(&self, block: NonNull<u8>, layout: Layout) {
        let Some((made, at)) =
            self.made().and_then(|made| Some((made, made.heap.offset_of(block)?)))
        else {
            // SAFETY: passed on from the caller; a block outside the segment
            // came from the system.
            return unsafe { System.dealloc(block.as_ptr(), layout) };
        };
        // A thread that only frees does better with a slot as well.
        let _ = local::is_bound(made) || local::bind(made);
        if let Some(observer) = self.observer() {
            observer.freed(block);
        }
        // SAFETY: passed on from the caller; the block is this heap's.
        let freed = unsafe { made.heap.free(local::context(made), at, layout) };
        verdict::on_free(block, freed);
    }

    /// # Safety
    ///
    /// As for `realloc`.
    #[cold]
    #[inline(never)]
    unsafe fn reallocate_slow(&self, block: NonNull<u8>, layout: Layout, size: usize) -> *mut u8 {
        let Some((made, at)) =
            self.made().and_then(|made| Some((made, made.heap.offset_of(block)?)))
        else {
            // SAFETY: passed on from the caller; a block outside the segment
            // came from the system.
            return unsafe { System.realloc(block.as_ptr(), layout, size) };
        };
        let resize = || {
            let context = local::context(made);
            // SAFETY: passed on from the caller; the block is this heap's.
            let moved = unsafe { made.heap.reallocate(context, at, layout, size) };
            made.heap.resolve(verdict::on_resize(block, moved)?, size)
        };
        let moved = match self.observer() {
            Some(observer) => observer.resized(block, size, resize),
            None => resize(),
        };
        moved.map_or(ptr::null_mut(), NonNull::as_ptr)
    }
}

// SAFETY: blocks are the heap's or the system's, which keep the contract, and
// go back to where they came from; nothing here unwinds.
unsafe impl GlobalAlloc for ShmAlloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match local::with(&self.at_hand, |heap| heap.try_allocate(layout)) {
            Some(Some(block)) => block.as_ptr(),
            _ => self.allocate_slow(layout),
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match local::with(&self.at_hand, |heap| heap.allocate_zeroed(layout)) {
            Some(Ok(block)) => block.as_ptr(),
            Some(Err(_)) => ptr::null_mut(),
            None => self.allocate_zeroed_slow(layout),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's blocks are not null.
        let block = unsafe { NonNull::new_unchecked(block) };
        let freed = local::with(&self.at_hand, |heap| {
            // SAFETY: passed on from the caller, or the block is outside the
            // segment, which `try_free` sees.
            unsafe { heap.try_free(block, layout) }
        });
        if freed != Some(true) {
            // SAFETY: passed on from the caller.
            unsafe { self.free_slow(block, layout) };
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's blocks are not null.
        let block = unsafe { NonNull::new_unchecked(block) };
        let moved = local::with(&self.at_hand, |heap| {
            heap.contains(block).then(|| {
                // SAFETY: passed on from the caller; the block is this heap's.
                unsafe { heap.reallocate(block, layout, new_size) }
            })
        });
        match moved.flatten() {
            Some(moved) => {
                verdict::on_resize(block, moved).map_or(ptr::null_mut(), NonNull::as_ptr)
            }
            // SAFETY: passed on from the caller.
            None => unsafe { self.reallocate_slow(block, layout, new_size) },
        }
    }
}
