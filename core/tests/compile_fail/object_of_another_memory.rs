//! Objects of two memories are of two types, although one can be assigned to the other.

use anymem_core::memory::{ArrayMemory, MemBox, SimMemory};

fn main() {
    let mut array = [0; 4096];
    let host = ArrayMemory::new(&mut array);
    let device = SimMemory::new(&host, 1024, 0).unwrap();
    let mut there = MemBox::new(1_u64, &device).unwrap();
    let here = MemBox::new(2_u64, &host).unwrap();
    there.assign(&here).unwrap();
    there = here;
    let _ = there;
}
