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
            "adrp {heap}, :gottprel:anymem_place",
            "ldr {heap}, [{heap}, :gottprel_lo12:anymem_place]",
            "mrs {thread}, tpidr_el0",
            "ldr {heap}, [{thread}, {heap}]",
            heap = out(reg) heap,
            thread = out(reg) _,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    heap
}

pub(super) fn address() -> NonNull<ThreadHeapPlace> {
    let place: *mut ThreadHeapPlace;
    // SAFETY: as in `get`.
    unsafe {
        asm!(
            "adrp {place}, :gottprel:anymem_place",
            "ldr {place}, [{place}, :gottprel_lo12:anymem_place]",
            "mrs {thread}, tpidr_el0",
            "add {place}, {thread}, {place}",
            place = out(reg) place,
            thread = out(reg) _,
            options(pure, readonly, nostack, preserves_flags),
        );
        NonNull::new_unchecked(place)
    }
}
