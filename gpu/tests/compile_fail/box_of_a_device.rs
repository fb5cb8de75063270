//! A value on a device is got, and not dereferenced.

use anymem::memory::MemBox;
use anymem_gpu::DeviceMemory;

fn get(number: &MemBox<u64, DeviceMemory>) -> u64 {
    **number
}

fn main() {}
