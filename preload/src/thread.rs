//! The calling thread's way into the heap, where it is not at hand.

use core::cell::Cell;

use anymem::ThreadHeap;

use crate::heap::HEAP;
use crate::place;

thread_local! {
    static BUSY: Cell<bool> = const { Cell::new(false) };
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
        let result = bound().map(|heap| {
            place::set(None);
            let result = call(heap);
            place::set(Some(heap));
            result
        });
        busy.set(false);
        result
    })
}

fn bound() -> Option<&'static ThreadHeap> {
    place::get().or_else(bind)
}

#[cold]
fn bind() -> Option<&'static ThreadHeap> {
    // SAFETY: the place is the thread's own, and is there until it ends; nobody
    // keeps what is found there.
    let bound = unsafe { HEAP.bind_at(place::address()) };
    if bound { place::get() } else { None }
}
