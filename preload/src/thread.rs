//! The calling thread's way into the heap, where it is not at hand.
//!
//! In an observed heap it never is, so that every call comes here and is seen.

use core::cell::Cell;
use core::ptr::{self, NonNull};

use anymem::{ThreadHeap, ThreadHeapPlace};

use crate::place;
use crate::process::HEAP;

thread_local! {
    static BUSY: Cell<bool> = const { Cell::new(false) };

    /// Where the way into an observed heap is kept.
    static OBSERVED: ThreadHeapPlace = const { Cell::new(ptr::null()) };
}

/// Calls `call` with the calling thread's heap; `None` where it has no slot, or
/// is inside of `call` already.
///
/// That is so when `call` needs something of the C library that allocates, or
/// was interrupted by a signal whose handler does. Nobody finds the heap at hand
/// meanwhile, so what `call` has half done is not seen.
pub(crate) fn with<R>(call: impl FnOnce(&ThreadHeap) -> R) -> Option<R> {
    BUSY.with(|busy| {
        if busy.replace(true) {
            return None;
        }
        let place = Place::of_thread();
        let result = place.get().or_else(|| place.bind()).map(|heap| {
            place.set(None);
            let result = call(heap);
            place.set(Some(heap));
            result
        });
        busy.set(false);
        result
    })
}

/// Where the calling thread keeps its way into the heap.
#[derive(Clone, Copy)]
struct Place(NonNull<ThreadHeapPlace>);

impl Place {
    fn of_thread() -> Self {
        Self(match HEAP.observer() {
            None => place::address(),
            Some(_) => OBSERVED.with(|place| NonNull::from(place)),
        })
    }

    fn get(self) -> Option<&'static ThreadHeap> {
        // SAFETY: the place is the thread's own, and there until it ends. What
        // is not null was put there by `ShmAlloc::bind_at` for this thread, and
        // is taken away before it ends.
        unsafe { self.0.as_ref().get().as_ref() }
    }

    fn set(self, heap: Option<&'static ThreadHeap>) {
        // SAFETY: as in `get`.
        unsafe { self.0.as_ref() }.set(heap.map_or(ptr::null(), ptr::from_ref));
    }

    #[cold]
    fn bind(self) -> Option<&'static ThreadHeap> {
        // SAFETY: the place is the thread's own, and is there until it ends;
        // nobody keeps what is found there.
        let bound = unsafe { HEAP.bind_at(self.0) };
        if bound { self.get() } else { None }
    }
}
