//! The trait for types that have blocks, which a blanket cannot give them: it is another
//! crate's.

/// Implements [`allocator_api::Allocator`](crate::allocator_api::Allocator) for a heap.
///
/// What goes before the type in brackets are the parameters of the `impl`. The type has
/// [`Blocks`](crate::allocator_api::Blocks), as every allocator of this crate's trait has; or
/// it is followed by a closure that makes such out of a reference to it.
///
/// ```
/// use std::alloc::System;
///
/// use anymem_core::allocator_api::Global;
/// use anymem_core::impl_allocator_api;
///
/// /// The system's heap.
/// #[derive(Clone, Copy)]
/// struct OfTheSystem;
///
/// impl_allocator_api!([] OfTheSystem, |_heap| Global(&System));
///
/// let mut numbers = allocator_api2::vec::Vec::new_in(OfTheSystem);
/// numbers.extend([1, 2, 3]);
/// assert_eq!(numbers.iter().sum::<i32>(), 6);
/// ```
#[macro_export]
macro_rules! impl_allocator_api {
    ([$($parameters:tt)*] $heap:ty) => {
        $crate::impl_allocator_api!([$($parameters)*] $heap, |heap| *heap);
    };
    ([$($parameters:tt)*] $heap:ty, |$this:ident| $blocks:expr) => {
        // SAFETY: the contract is that of `Blocks`, which are the same for all clones.
        unsafe impl<$($parameters)*> $crate::allocator_api::Allocator for $heap {
            #[inline]
            fn allocate(&self, layout: ::core::alloc::Layout) -> $crate::allocator_api::steps::Made {
                let $this = self;
                $crate::allocator_api::steps::allocate(&$blocks, layout)
            }

            #[inline]
            fn allocate_zeroed(&self, layout: ::core::alloc::Layout) -> $crate::allocator_api::steps::Made {
                let $this = self;
                $crate::allocator_api::steps::allocate_zeroed(&$blocks, layout)
            }

            #[inline]
            unsafe fn deallocate(&self, block: ::core::ptr::NonNull<u8>, layout: ::core::alloc::Layout) {
                let $this = self;
                // SAFETY: passed on from the caller.
                unsafe { $crate::allocator_api::steps::deallocate(&$blocks, block, layout) }
            }

            #[inline]
            unsafe fn grow(
                &self,
                block: ::core::ptr::NonNull<u8>,
                old: ::core::alloc::Layout,
                new: ::core::alloc::Layout,
            ) -> $crate::allocator_api::steps::Made {
                let $this = self;
                // SAFETY: passed on from the caller.
                unsafe { $crate::allocator_api::steps::resize(&$blocks, block, old, new) }
            }

            #[inline]
            unsafe fn grow_zeroed(
                &self,
                block: ::core::ptr::NonNull<u8>,
                old: ::core::alloc::Layout,
                new: ::core::alloc::Layout,
            ) -> $crate::allocator_api::steps::Made {
                let $this = self;
                // SAFETY: passed on from the caller.
                unsafe { $crate::allocator_api::steps::grow_zeroed(&$blocks, block, old, new) }
            }

            #[inline]
            unsafe fn shrink(
                &self,
                block: ::core::ptr::NonNull<u8>,
                old: ::core::alloc::Layout,
                new: ::core::alloc::Layout,
            ) -> $crate::allocator_api::steps::Made {
                let $this = self;
                // SAFETY: passed on from the caller.
                unsafe { $crate::allocator_api::steps::resize(&$blocks, block, old, new) }
            }
        }
    };
}
