//! What pools need of the heaps in them.

use core::alloc::Layout;
use core::ptr::NonNull;

use anymem_core::allocator::{
    AllocError, Allocator, FreeError, ScalablePageAllocator, ThreadLocalAllocator,
};
use anymem_core::backend::Backend;
use anymem_core::segment::{Config, CreateError};
use anymem_core::thread::Context;

use super::GRAIN;
use crate::backend::ProviderBackend;
use crate::thread::PthreadModel;

/// What a pool needs of a heap beyond what all have.
pub trait ByAddress: Allocator + Sized {
    /// What such a pool is called.
    const NAME: &'static str;

    /// Formats the span.
    fn make(backend: ProviderBackend, config: &Config) -> Result<Self, CreateError>;

    /// The span.
    fn span_of_pool(&self) -> &ProviderBackend;

    /// Takes a block that the slot has at hand, if there is one.
    ///
    /// # Safety
    ///
    /// The calling thread holds the slot.
    unsafe fn take_at_hand(&self, slot: u32, layout: Layout) -> Option<NonNull<u8>> {
        let _ = (slot, layout);
        None
    }

    /// Frees a block, if the slot has room for it at hand; whether it had.
    ///
    /// # Safety
    ///
    /// As for [`take_at_hand`](Self::take_at_hand) and [`put`](Self::put).
    unsafe fn put_at_hand(&self, slot: u32, block: NonNull<u8>) -> bool {
        let _ = (slot, block);
        false
    }

    /// Takes a block.
    fn take(
        &self,
        context: Context,
        layout: Layout,
        zeroed: bool,
    ) -> Result<NonNull<u8>, AllocError> {
        take_by_offset(self, context, layout, zeroed)
    }

    /// Frees a block.
    ///
    /// # Safety
    ///
    /// `block` is a live block of the heap, or outside of it.
    unsafe fn put(&self, context: Context, block: NonNull<u8>) -> Result<(), FreeError>;

    /// Gives back what nobody uses; how many bytes.
    fn give_back(&self, context: Context) -> usize;
}

fn take_by_offset<A: Allocator>(
    heap: &A,
    context: Context,
    layout: Layout,
    zeroed: bool,
) -> Result<NonNull<u8>, AllocError> {
    let at = match zeroed {
        true => heap.allocate_zeroed(context, layout)?,
        false => heap.allocate(context, layout)?,
    };
    heap.resolve(at, layout.size()).ok_or(AllocError::Corrupt)
}

impl ByAddress for ThreadLocalAllocator<ProviderBackend, PthreadModel> {
    const NAME: &'static str = "thread local";

    fn make(backend: ProviderBackend, config: &Config) -> Result<Self, CreateError> {
        Self::create(backend, PthreadModel, config)
    }

    fn span_of_pool(&self) -> &ProviderBackend {
        self.backend()
    }

    #[inline]
    unsafe fn take_at_hand(&self, slot: u32, layout: Layout) -> Option<NonNull<u8>> {
        // All else is rare, and what is known of the heap would have to be written down.
        let is_plain = layout.align() <= GRAIN;
        // SAFETY: passed on from the caller.
        let context = unsafe { Context::of_slot(self.backend().base().as_ptr(), slot) };
        self.local(context).filter(|_| is_plain)?.try_allocate(layout)
    }

    #[inline]
    unsafe fn put_at_hand(&self, slot: u32, block: NonNull<u8>) -> bool {
        // SAFETY: passed on from the caller.
        let context = unsafe { Context::of_slot(self.backend().base().as_ptr(), slot) };
        // SAFETY: as above.
        self.local(context).is_some_and(|local| unsafe { local.try_free_unsized(block) })
    }

    fn take(
        &self,
        context: Context,
        layout: Layout,
        zeroed: bool,
    ) -> Result<NonNull<u8>, AllocError> {
        match self.local(context) {
            Some(local) if zeroed => local.allocate_zeroed(layout),
            Some(local) => local.allocate(layout),
            None => take_by_offset(self, context, layout, zeroed),
        }
    }

    unsafe fn put(&self, context: Context, block: NonNull<u8>) -> Result<(), FreeError> {
        match self.local(context) {
            // SAFETY: passed on from the caller.
            Some(local) => unsafe { local.free_unsized(block) },
            None => {
                let at = self.offset_of(block).ok_or(FreeError::Outside)?;
                // SAFETY: passed on from the caller.
                unsafe { self.free_unsized(at) }
            }
        }
    }

    fn give_back(&self, context: Context) -> usize {
        self.trim(context)
    }
}

impl ByAddress for ScalablePageAllocator<ProviderBackend, PthreadModel> {
    const NAME: &'static str = "scalable page";

    fn make(backend: ProviderBackend, config: &Config) -> Result<Self, CreateError> {
        Self::create(backend, PthreadModel, config)
    }

    fn span_of_pool(&self) -> &ProviderBackend {
        self.backend()
    }

    unsafe fn put(&self, context: Context, block: NonNull<u8>) -> Result<(), FreeError> {
        // It needs no layout to find a block.
        // SAFETY: passed on from the caller.
        unsafe { self.free_ptr(context, block, Layout::new::<()>()) }
    }

    fn give_back(&self, _context: Context) -> usize {
        self.trim()
    }
}
