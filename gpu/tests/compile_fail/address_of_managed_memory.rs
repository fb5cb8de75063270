//! An address of managed memory is none of pinned memory.

use std::alloc::Layout;

use anymem::memory::Memory;
use anymem_gpu::{ManagedMemory, PinnedMemory};

fn mixed_up(managed: &ManagedMemory, pinned: &PinnedMemory, layout: Layout) {
    let block = managed.allocate(layout).unwrap();
    // SAFETY: there is none, and so it must not compile.
    unsafe { pinned.free(block, layout) };
}

fn main() {}
