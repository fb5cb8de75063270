//! All that a program may ask of its global allocator, for the sake of the code it needs.

extern crate alloc;

use alloc::alloc::{alloc, alloc_zeroed, dealloc, realloc};
use core::alloc::Layout;
use core::hint::black_box;

/// Calls each function of the global allocator, with what the compiler cannot foresee.
pub fn all() {
    let layout = black_box(Layout::new::<[u64; 9]>());
    // SAFETY: the layouts are not of no bytes, and blocks go back with the one they have.
    unsafe {
        let zeroes = alloc_zeroed(layout);
        let block = alloc(layout);
        if !zeroes.is_null() && !block.is_null() {
            dealloc(black_box(zeroes), layout);
            black_box(realloc(black_box(block), layout, black_box(200)));
        }
    }
}
