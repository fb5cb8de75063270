//! A heap of a test's own.

use std::alloc::Layout;
use std::ops::Deref;

use anymem::{HeapOptions, IntoSize, SharedHeap, Size};
use anymem_core::allocator::Allocator;
use anymem_core::size_class::SEAL;
use anymem_core::thread::Context;

/// A heap in a memory file, checked and unmapped when it goes.
#[derive(Debug)]
pub struct TestHeap(Option<SharedHeap>);

impl TestHeap {
    /// One of `mib` mebibytes.
    #[must_use]
    pub fn new(mib: usize) -> Self {
        Self::with(&HeapOptions::new(), Size::mib(mib))
    }

    /// One made in a certain way.
    #[must_use]
    pub fn with(options: &HeapOptions, size: impl IntoSize) -> Self {
        Self(Some(options.create_memfd("test", size).expect("a heap")))
    }

    /// Both ways into it: through the calling thread's slot, and without one.
    #[must_use]
    pub fn ways(&self) -> [&dyn Allocator; 2] {
        let heap: &SharedHeap = self;
        [heap, heap.allocator()]
    }

    /// Checks that nothing is left in it, and that it can be had as one block.
    pub fn is_whole(&self) {
        self.check().expect("in order");
        let stats = self.stats();
        assert_eq!((stats.live_blocks, stats.live), (0, 0), "something was left");
        self.trim();
        assert_eq!(self.stats().slabs, 0, "slabs were left");
        let all = Layout::from_size_align(stats.capacity - SEAL, 1).expect("in reason");
        let at = self.allocate(Context::DEFAULT, all).expect("one block of everything");
        // SAFETY: the block is live and not used afterwards.
        unsafe { self.free(Context::DEFAULT, at, all) }.expect("live");
    }
}

impl Deref for TestHeap {
    type Target = SharedHeap;

    fn deref(&self) -> &SharedHeap {
        self.0.as_ref().expect("there until it is dropped")
    }
}

impl Drop for TestHeap {
    fn drop(&mut self) {
        let Some(heap) = self.0.take() else { return };
        if std::thread::panicking() {
            return;
        }
        heap.check().expect("in order at the end");
        // SAFETY: the test is over: nothing uses the heap.
        unsafe { heap.detach() }.expect("the only handle");
    }
}
