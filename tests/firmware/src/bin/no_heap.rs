//! The same as `heap`, with an allocator that never has memory.

#![no_std]
#![no_main]

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

// Where the program begins.
use board as _;

#[path = "../calls.rs"]
mod calls;

#[global_allocator]
static HEAP: Nothing = Nothing;

struct Nothing;

// SAFETY: it hands out no blocks.
unsafe impl GlobalAlloc for Nothing {
    #[inline(never)]
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[unsafe(no_mangle)]
fn main() {
    calls::all();
}
