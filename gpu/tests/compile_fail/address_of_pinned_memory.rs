//! An address of pinned memory is none of the device's own, though both are the device's to use.

use std::alloc::Layout;

use anymem::memory::Memory;
use anymem_gpu::{DeviceMemory, PinnedMemory};

fn mixed_up(device: &DeviceMemory, pinned: &PinnedMemory, layout: Layout) {
    let block = pinned.allocate(layout).unwrap();
    // SAFETY: there is none, and so it must not compile.
    unsafe { device.free(block, layout) };
}

fn main() {}
