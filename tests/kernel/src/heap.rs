//! The kernel's heap: all that it takes to have one.

use core::ptr::{self, NonNull};

use anymem_core::global::KernelAlloc;

use crate::memory_map::MemoryMap;
use crate::{processor, say};

/// The most processors that keep blocks at hand.
const PROCESSORS: usize = 8;

/// Slabs are pages.
const SHIFT: u32 = 12;

/// The heap. It has no memory before [`set_up`]: allocating fails until then.
#[global_allocator]
pub static HEAP: KernelAlloc<PROCESSORS, SHIFT> = KernelAlloc::new(processor::number);

/// Gives all free memory to the heap.
///
/// # Safety
///
/// Nobody uses that memory.
pub unsafe fn set_up(map: &MemoryMap) {
    for range in map.ranges() {
        let start = ptr::with_exposed_provenance_mut::<u8>(range.start as usize);
        let Some(start) = NonNull::new(start) else { continue };
        let memory = NonNull::slice_from_raw_parts(start, (range.end - range.start) as usize);
        // SAFETY: the boot page tables map it; the rest is the caller's.
        match unsafe { HEAP.add(memory) } {
            Ok(()) => say!("heap: {} KiB at {start:p}", memory.len() >> 10),
            Err(error) => say!("heap: not {} KiB at {start:p}: {error}", memory.len() >> 10),
        }
    }
}
