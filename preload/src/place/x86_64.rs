use core::arch::asm;
use core::ptr::NonNull;

use anymem::{ThreadHeap, ThreadHeapPlace};

#[inline(always)]
pub(super) fn get() -> *const ThreadHeap {
    let heap;
    // SAFETY: reads the calling thread's `anymem_place`, whose distance from
    // the thread pointer the linker or the loader wrote down.
    unsafe {
        asm!(
            "mov {heap}, qword ptr [rip + anymem_place@GOTTPOFF]",
            "mov {heap}, qword ptr fs:[{heap}]",
            heap = out(reg) heap,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    heap
}

pub(super) fn address() -> NonNull<ThreadHeapPlace> {
    let place: *mut ThreadHeapPlace;
    // SAFETY: the first word of what `fs` points to is its own address; the
    // rest is as in `get`.
    unsafe {
        asm!(
            "mov {place}, qword ptr fs:[0]",
            "add {place}, qword ptr [rip + anymem_place@GOTTPOFF]",
            place = out(reg) place,
            options(pure, readonly, nostack),
        );
        NonNull::new_unchecked(place)
    }
}
