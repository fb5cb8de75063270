//! Core's allocators, as kinds that a process can attach.

use core::ptr::NonNull;

use anymem_core::allocator::{
    LentSlots, LinkedListAllocator, ScalablePageAllocator, ThreadLocalAllocator,
};
use anymem_core::backend::Backend;

use super::HeapKind;
use crate::thread::{SystemModel, ThreadModel};

impl<B: Backend + 'static> HeapKind for ThreadLocalAllocator<B, SystemModel> {
    fn has_slots(&self) -> bool {
        !self.backend().read_only()
    }

    fn span(&self) -> Option<(NonNull<u8>, usize)> {
        Some((self.backend().base(), self.backend().len()))
    }
}

/// Of any model, for no slot of it is a thread's of the system.
impl<B, M, const PLACES: usize> HeapKind for LentSlots<ThreadLocalAllocator<B, M>, PLACES>
where
    B: Backend + 'static,
    M: ThreadModel + 'static,
{
    fn has_slots(&self) -> bool {
        false
    }

    fn span(&self) -> Option<(NonNull<u8>, usize)> {
        let backend = self.allocator().backend();
        Some((backend.base(), backend.len()))
    }
}

impl<B: Backend + 'static> HeapKind for ScalablePageAllocator<B, SystemModel> {
    fn has_slots(&self) -> bool {
        false
    }

    fn span(&self) -> Option<(NonNull<u8>, usize)> {
        Some((self.backend().base(), self.backend().len()))
    }
}

impl<B: Backend + 'static> HeapKind for LinkedListAllocator<B, SystemModel> {
    fn has_slots(&self) -> bool {
        false
    }

    fn span(&self) -> Option<(NonNull<u8>, usize)> {
        Some((self.backend().base(), self.backend().len()))
    }
}
