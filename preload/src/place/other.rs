use core::cell::Cell;
use core::ptr::{self, NonNull};

use anymem::{ThreadHeap, ThreadHeapPlace};

thread_local! {
    static PLACE: ThreadHeapPlace = const { Cell::new(ptr::null()) };
}

#[inline(always)]
pub(super) fn get() -> *const ThreadHeap {
    PLACE.get()
}

pub(super) fn address() -> NonNull<ThreadHeapPlace> {
    PLACE.with(|place| NonNull::from(place))
}
