//! What a collection needs of a heap.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use crate::allocator::{Allocator, LocalHeap};
use crate::backend::Backend;
use crate::thread::{Context, ThreadModel};

/// Blocks by address, freed by layout: what [`Allocator`](super::Allocator) asks of a heap.
///
/// Every [`allocator::Allocator`](crate::allocator::Allocator) has them.
///
/// # Safety
///
/// - A block that was handed out stays valid, and is handed out to nobody else, until it is
///   freed or `self` and its clones are gone. It is as large and as aligned as was asked for.
/// - Neither moving nor cloning `self` changes that; any clone may free the block.
pub unsafe trait Blocks {
    /// Allocates a block; `None` if there is no room.
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>>;

    /// Allocates a block whose `layout.size()` bytes are zero.
    fn allocate_zeroed(&self, layout: Layout) -> Option<NonNull<u8>>;

    /// Makes a block larger or smaller, in place where that is possible; `None` if there is
    /// no room, and the old block is untouched.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free); `size` is not 0, and rounded up to the alignment it is
    /// an `isize`.
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, size: usize)
    -> Option<NonNull<u8>>;

    /// Frees a block.
    ///
    /// # Safety
    ///
    /// `block` is a live block of these that has `layout`, and is not used afterwards.
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout);
}

// SAFETY: an allocator's blocks are those of a span that stays where it is when the allocator
// moves, and as long as it lives (contract of `Backend`).
unsafe impl<A: Allocator + ?Sized> Blocks for A {
    #[inline]
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        let at = Allocator::allocate(self, Context::DEFAULT, layout).ok()?;
        self.resolve(at, layout.size())
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Option<NonNull<u8>> {
        let at = Allocator::allocate_zeroed(self, Context::DEFAULT, layout).ok()?;
        self.resolve(at, layout.size())
    }

    unsafe fn resize(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Option<NonNull<u8>> {
        let at = self.offset_of(block)?;
        // SAFETY: passed on from the caller.
        let at = unsafe { self.reallocate(Context::DEFAULT, at, layout, size) }.ok()?;
        self.resolve(at, size)
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller, who has promised what there could be errors for.
        let _ = unsafe { self.free_ptr(Context::DEFAULT, block, layout) };
    }
}

// SAFETY: they are the heap's blocks, whichever slot they came through; the heap is borrowed.
unsafe impl<B: Backend, T: ThreadModel, const SHIFT: u32> Blocks for LocalHeap<'_, B, T, SHIFT> {
    #[inline]
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate(layout).ok()
    }

    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate_zeroed(layout).ok()
    }

    unsafe fn resize(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Option<NonNull<u8>> {
        // SAFETY: passed on from the caller.
        unsafe { self.reallocate(block, layout, size) }.ok()
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller, who has promised what there could be errors for.
        let _ = unsafe { self.free(block, layout) };
    }
}

/// The blocks of a global allocator that is lent.
#[derive(Debug)]
pub struct Global<'a, G>(pub &'a G);

// SAFETY: a global allocator keeps the contract, and it is not moved while it is lent.
unsafe impl<G: GlobalAlloc> Blocks for Global<'_, G> {
    /// None of no bytes: for global allocators there are no such blocks.
    #[inline]
    fn allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the layout has bytes.
        if layout.size() == 0 { None } else { NonNull::new(unsafe { self.0.alloc(layout) }) }
    }

    /// As [`allocate`](Self::allocate).
    #[inline]
    fn allocate_zeroed(&self, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: the layout has bytes.
        if layout.size() == 0 { None } else { NonNull::new(unsafe { self.0.alloc_zeroed(layout) }) }
    }

    #[inline]
    unsafe fn resize(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        size: usize,
    ) -> Option<NonNull<u8>> {
        // SAFETY: passed on from the caller.
        NonNull::new(unsafe { self.0.realloc(block.as_ptr(), layout, size) })
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.0.dealloc(block.as_ptr(), layout) };
    }
}
