//! A thread's way into a `ShmAlloc`, kept where somebody else wants it.
//!
//! - it is there from the call on, and works;
//! - it goes when the thread ends;
//! - a forked child keeps it if the heap is private, and loses it if it is not.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::{self, NonNull};
use std::thread;

use anymem::size_class::SEAL;
use anymem::{ShmAlloc, ThreadHeapPlace};

static PRIVATE: ShmAlloc = ShmAlloc::new().with_size(16 << 20);
static SHARED: ShmAlloc = ShmAlloc::memfd().with_size(16 << 20);

/// A place that outlives its thread, so that one can see what becomes of it.
struct Place(NonNull<ThreadHeapPlace>);

// SAFETY: looked at by one thread at a time: after the other has ended.
unsafe impl Send for Place {}

impl Place {
    fn new() -> Self {
        Self(NonNull::from(Box::leak(Box::new(Cell::new(ptr::null())))))
    }

    fn is_empty(&self) -> bool {
        // SAFETY: it is never freed.
        unsafe { self.0.as_ref() }.get().is_null()
    }

    /// Binds the calling thread, and uses what it gets.
    fn bind(&self, heap: &ShmAlloc) {
        // SAFETY: only the calling thread uses what is found there.
        unsafe {
            assert!(heap.bind_at(self.0));
            let local = &*self.0.as_ref().get();
            let block = local.allocate(Layout::new::<[u64; 9]>()).expect("room");
            assert!(heap.offset_of(block.as_ptr()).is_some());
            // The size of its class, or what was asked for where there are seals.
            let usable = if SEAL == 0 { 80 } else { 72 };
            assert_eq!(local.usable_size_of(block), Some(usable));
            assert!(local.free_unsized(block).is_ok());
        }
    }
}

#[test]
fn it_goes_with_its_thread() {
    for heap in [&PRIVATE, &SHARED] {
        let place = thread::spawn(|| {
            let place = Place::new();
            place.bind(heap);
            assert!(!place.is_empty());
            place
        });
        assert!(place.join().expect("it ends well").is_empty());
    }
}

#[test]
fn a_child_keeps_what_is_its_own() {
    for (heap, keeps) in [(&PRIVATE, true), (&SHARED, false)] {
        let place = Place::new();
        place.bind(heap);
        // SAFETY: the child looks at the place, uses the heap, and ends.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let kept = !place.is_empty();
            place.bind(heap);
            // SAFETY: ends the process.
            unsafe { libc::_exit(i32::from(kept != keeps)) };
        }
        let mut status = 0;
        // SAFETY: waits for a child of this process.
        unsafe { libc::waitpid(pid, &raw mut status, 0) };
        assert_eq!(status, 0, "{heap:?}");
    }
}
