//! The processor cannot refer to a device's memory.

use anymem_core::memory::{ArrayMemory, MemRead, MemSlice, SimMemory};

fn main() {
    let mut array = [0; 4096];
    let host = ArrayMemory::new(&mut array);
    let device = SimMemory::new(&host, 1024, 0).unwrap();
    let slice = MemSlice::<u64, _>::zeroed(10, &device).unwrap();
    let _ = slice.as_slice();
}
