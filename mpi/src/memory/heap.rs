//! Blocks of a heap that is in an arena, by their distance from the arena's start.

use std::alloc::Layout;
use std::ptr::NonNull;

use anymem_core::allocator::Allocator;
use anymem_core::backend::Backend;
use anymem_core::memory::MemoryError;
use anymem_core::offset::Offset;
use anymem_core::thread::Context;

use crate::job::Heap;

/// Bytes of the arena before the heap.
fn skipped(heap: &Heap, arena: NonNull<[u8]>) -> u64 {
    (heap.backend().base().addr().get() - arena.cast::<u8>().addr().get()) as u64
}

/// A block of the heap.
pub(super) fn allocate(
    heap: &Heap,
    arena: NonNull<[u8]>,
    layout: Layout,
) -> Result<u64, MemoryError> {
    let full = MemoryError::OutOfMemory { requested: layout.size() };
    // Blocks have at least a byte, so that each has an address of its own.
    let block = heap.allocate(Context::DEFAULT, at_least_a_byte(layout)).map_err(|_| full)?;
    Ok(skipped(heap, arena) + block.get() as u64)
}

/// Gives a block back.
///
/// # Safety
///
/// As for [`Memory::free`](anymem_core::memory::Memory::free).
pub(super) unsafe fn free(heap: &Heap, arena: NonNull<[u8]>, at: u64, layout: Layout) {
    let block = Offset::new(at.wrapping_sub(skipped(heap, arena)) as usize);
    // SAFETY: passed on from the caller. A block that the heap does not know stays as it is.
    let _ = unsafe { heap.free(Context::DEFAULT, block, at_least_a_byte(layout)) };
}

fn at_least_a_byte(layout: Layout) -> Layout {
    Layout::from_size_align(layout.size().max(1), layout.align()).unwrap_or(layout)
}
