//! The heaps that are compared: **the one place that lists them**.

use core::{
    alloc::{GlobalAlloc, Layout},
    ptr::NonNull,
};

use anymem_core::tiny::TinyHeap;

use crate::Role;

/// A heap in memory that it is given.
pub(super) trait Heap {
    /// A heap in `memory`, all of which is free.
    ///
    /// # Safety
    ///
    /// The memory is the heap's alone for as long as there is the heap.
    unsafe fn over(memory: NonNull<[u8]>) -> Self;

    /// Returns a block, if there is room.
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>>;

    /// Frees a block.
    ///
    /// # Safety
    ///
    /// It is live, and was asked for with that layout.
    unsafe fn free(&mut self, block: NonNull<u8>, layout: Layout);
}

/// What is done with each heap: a function that is compiled for it alone.
pub(super) trait Visitor {
    fn visit<H: Heap + 'static>(&mut self, name: &'static str, role: Role);
}

/// Has `visitor` see all heaps, in the order of the table's columns.
pub(super) fn visit_all(visitor: &mut impl Visitor) {
    visitor.visit::<TinyHeap>("anymem", Role::Private);
    visitor.visit::<Tlsf>("rlsf", Role::Peer);
    visitor.visit::<Talc>("talc", Role::Peer);
    visitor.visit::<Buddy>("buddy_system", Role::Peer);
    visitor.visit::<linked_list_allocator::Heap>("linked_list", Role::Peer);
    visitor.visit::<embedded_alloc::TlsfHeap>("embedded-tlsf", Role::Peer);
    visitor.visit::<embedded_alloc::LlffHeap>("embedded-llff", Role::Peer);
}

impl Heap for TinyHeap {
    unsafe fn over(memory: NonNull<[u8]>) -> Self {
        // SAFETY: passed on from the caller.
        unsafe { Self::new(memory) }.unwrap_or(Self::empty())
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate(layout)
    }

    #[inline]
    unsafe fn free(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        let freed = unsafe { self.free(block, layout) };
        debug_assert_eq!(freed, Ok(()));
    }
}

/// With lists for blocks of up to 2 MiB, 16 for each doubling.
type Tlsf = rlsf::Tlsf<'static, u16, u16, 16, 16>;

impl Heap for Tlsf {
    unsafe fn over(memory: NonNull<[u8]>) -> Self {
        let mut heap = Self::new();
        // SAFETY: passed on from the caller.
        unsafe { heap.insert_free_block_ptr(memory) };
        heap
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate(layout)
    }

    #[inline]
    unsafe fn free(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.deallocate(block, layout.align()) };
    }
}

type Talc = talc::base::Talc<talc::source::Manual, talc::DefaultBinning>;

impl Heap for Talc {
    unsafe fn over(memory: NonNull<[u8]>) -> Self {
        let mut heap = Self::new(talc::source::Manual);
        // SAFETY: passed on from the caller.
        unsafe { heap.claim(memory.cast().as_ptr(), memory.len()) };
        heap
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        // SAFETY: no block of the jobs has no bytes.
        unsafe { self.allocate(layout) }
    }

    #[inline]
    unsafe fn free(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.deallocate(block.as_ptr(), layout) };
    }
}

type Buddy = buddy_system_allocator::Heap<32>;

impl Heap for Buddy {
    unsafe fn over(memory: NonNull<[u8]>) -> Self {
        let mut heap = Self::new();
        // SAFETY: passed on from the caller.
        unsafe { heap.init(memory.cast::<u8>().as_ptr().expose_provenance(), memory.len()) };
        heap
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.alloc(layout).ok()
    }

    #[inline]
    unsafe fn free(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.dealloc(block, layout) };
    }
}

impl Heap for linked_list_allocator::Heap {
    unsafe fn over(memory: NonNull<[u8]>) -> Self {
        // SAFETY: passed on from the caller.
        unsafe { Self::new(memory.cast().as_ptr(), memory.len()) }
    }

    #[inline]
    fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        self.allocate_first_fit(layout).ok()
    }

    #[inline]
    unsafe fn free(&mut self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.deallocate(block, layout) };
    }
}

/// Both heaps of embedded-alloc are alike, but for what is inside.
macro_rules! embedded {
    ($heap:ty) => {
        impl Heap for $heap {
            unsafe fn over(memory: NonNull<[u8]>) -> Self {
                let heap = Self::empty();
                let start = memory.cast::<u8>().as_ptr().expose_provenance();
                // SAFETY: passed on from the caller.
                unsafe { heap.init(start, memory.len()) };
                heap
            }

            #[inline]
            fn allocate(&mut self, layout: Layout) -> Option<NonNull<u8>> {
                // SAFETY: no block of the jobs has no bytes.
                NonNull::new(unsafe { GlobalAlloc::alloc(self, layout) })
            }

            #[inline]
            unsafe fn free(&mut self, block: NonNull<u8>, layout: Layout) {
                // SAFETY: passed on from the caller.
                unsafe { GlobalAlloc::dealloc(self, block.as_ptr(), layout) };
            }
        }
    };
}

embedded!(embedded_alloc::TlsfHeap);
embedded!(embedded_alloc::LlffHeap);

/// What embedded-alloc's heaps lock with: nothing, for one thread uses them here.
struct OneThread;

critical_section::set_impl!(OneThread);

// SAFETY: see above: there is nobody to be kept out.
unsafe impl critical_section::Impl for OneThread {
    unsafe fn acquire() -> critical_section::RawRestoreState {}

    unsafe fn release(_: critical_section::RawRestoreState) {}
}
