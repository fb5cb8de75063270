//! Blocks of any heap, as tests use them.

use std::alloc::Layout;

use anymem_core::allocator::{AllocError, Allocator};
use anymem_core::offset::Offset;
use anymem_core::thread::Context;

/// A layout that makes sense.
#[must_use]
pub fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("in reason")
}

/// Frees a block that a test allocated and forgets.
pub fn free(heap: &dyn Allocator, at: Offset, layout: Layout) {
    // SAFETY: tests call this with live blocks that they forget.
    unsafe { heap.free(Context::DEFAULT, at, layout) }.expect("a live block");
}

/// Fills every byte of a block that a test allocated.
pub fn fill(heap: &dyn Allocator, at: Offset, len: usize, with: u8) {
    let start = heap.resolve(at, len).expect("inside");
    // SAFETY: tests call this with live blocks of that length.
    unsafe { start.write_bytes(with, len) };
}

/// The bytes of a block that a test allocated.
#[must_use]
pub fn bytes(heap: &dyn Allocator, at: Offset, len: usize) -> Vec<u8> {
    let start = heap.resolve(at, len).expect("inside");
    // SAFETY: tests call this with live blocks of that length, which nobody
    // writes at the same time.
    unsafe { std::slice::from_raw_parts(start.as_ptr(), len) }.to_vec()
}

/// Allocates blocks until there is no more room; the last error too.
pub fn exhaust(heap: &dyn Allocator, layout: Layout) -> (Vec<Offset>, AllocError) {
    let mut blocks = Vec::new();
    loop {
        match heap.allocate(Context::DEFAULT, layout) {
            Ok(at) => blocks.push(at),
            Err(error) => return (blocks, error),
        }
    }
}
