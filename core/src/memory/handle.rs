//! Memories that are lent or shared: what refers to one is one.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{HostAddressable, Memory, MemoryError, MemoryId, Place};

/// Lets the type, which always leads to the same `M`, be a memory as that is.
macro_rules! handle {
    ($handle:ty) => {
        // SAFETY: every method is that of the memory lent.
        unsafe impl<M: Memory + ?Sized> Memory for $handle {
            type Address = M::Address;

            fn id(&self) -> MemoryId {
                (**self).id()
            }

            fn allocate(&self, layout: Layout) -> Result<Self::Address, MemoryError> {
                (**self).allocate(layout)
            }

            fn allocate_zeroed(&self, layout: Layout) -> Result<Self::Address, MemoryError> {
                (**self).allocate_zeroed(layout)
            }

            unsafe fn free(&self, address: Self::Address, layout: Layout) {
                // SAFETY: passed on from the caller.
                unsafe { (**self).free(address, layout) };
            }

            unsafe fn copy_to(
                &self,
                to: Self::Address,
                from: *const u8,
                len: usize,
            ) -> Result<(), MemoryError> {
                // SAFETY: passed on from the caller.
                unsafe { (**self).copy_to(to, from, len) }
            }

            unsafe fn copy_from(
                &self,
                to: *mut u8,
                from: Self::Address,
                len: usize,
            ) -> Result<(), MemoryError> {
                // SAFETY: passed on from the caller.
                unsafe { (**self).copy_from(to, from, len) }
            }

            unsafe fn fill(
                &self,
                at: Self::Address,
                byte: u8,
                len: usize,
            ) -> Result<(), MemoryError> {
                // SAFETY: passed on from the caller.
                unsafe { (**self).fill(at, byte, len) }
            }

            fn host(&self, address: Self::Address) -> Option<NonNull<u8>> {
                (**self).host(address)
            }

            unsafe fn copy_peer(
                &self,
                to: Self::Address,
                from: Place<'_>,
                len: usize,
            ) -> Option<Result<(), MemoryError>> {
                // SAFETY: passed on from the caller.
                unsafe { (**self).copy_peer(to, from, len) }
            }

            unsafe fn post_copy_to(
                &self,
                to: Self::Address,
                from: *const u8,
                len: usize,
            ) -> Result<(), MemoryError> {
                // SAFETY: passed on from the caller.
                unsafe { (**self).post_copy_to(to, from, len) }
            }

            unsafe fn post_copy_from(
                &self,
                to: *mut u8,
                from: Self::Address,
                len: usize,
            ) -> Result<(), MemoryError> {
                // SAFETY: passed on from the caller.
                unsafe { (**self).post_copy_from(to, from, len) }
            }

            fn flush(&self) -> Result<(), MemoryError> {
                (**self).flush()
            }

            fn failures(&self) -> u32 {
                (**self).failures()
            }

            fn available(&self) -> Option<usize> {
                (**self).available()
            }

            fn granule(&self) -> usize {
                (**self).granule()
            }
        }

        // SAFETY: as the memory lent.
        #[diagnostic::do_not_recommend]
        unsafe impl<M: HostAddressable + ?Sized> HostAddressable for $handle {}
    };
}

handle!(&M);

#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
handle!(alloc::sync::Arc<M>);
