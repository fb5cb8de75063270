//! Nor refer to what is in a device's memory.

use anymem::memory::{MemRead, MemSlice};
use anymem_gpu::DeviceMemory;

fn sum(numbers: &MemSlice<u64, DeviceMemory>) -> u64 {
    numbers.as_slice().iter().sum()
}

fn main() {}
