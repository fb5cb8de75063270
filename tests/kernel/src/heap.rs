//! The kernel's heap: all that it takes to have one.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use anymem_core::frames::Request;
use anymem_core::global::KernelAlloc;

use crate::processor::{self, MOST_PROCESSORS};
use crate::{frames, say};

/// Slabs are pages.
const SHIFT: u32 = 12;

/// The heap. It has no memory before it [grows](grow): allocating fails until then.
#[global_allocator]
pub static HEAP: KernelAlloc<MOST_PROCESSORS, SHIFT> = KernelAlloc::new(processor::number);

/// Frames that the heap has.
static FRAMES: AtomicUsize = AtomicUsize::new(0);

/// How many frames the heap has.
pub fn frames() -> usize {
    FRAMES.load(Ordering::Relaxed)
}

/// Gives as much of the free frames to the heap as goes `part` times into them, for ever.
/// Others allocate meanwhile.
pub fn grow(part: usize) {
    let count = frames::all().stats().free / part;
    let first = frames::here().allocate(Request::count(count)).expect("so many frames in a row");
    let start = NonNull::new(frames::pointer::<u8>(first)).expect("no memory at address 0");
    let memory = NonNull::slice_from_raw_parts(start, count << frames::SHIFT);
    // SAFETY: the frames were just allocated, and are not given back.
    unsafe { HEAP.add(memory) }.expect("a region that is large enough");
    FRAMES.fetch_add(count, Ordering::Relaxed);
    say!("heap: {} KiB at {start:p}", memory.len() >> 10);
}
