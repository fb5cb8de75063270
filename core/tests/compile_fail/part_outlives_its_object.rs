//! A part that is borrowed keeps its object from being written.

use anymem_core::memory::{ArrayMemory, MemRead, MemSlice, MemWrite};

fn main() {
    let mut array = [0; 4096];
    let host = ArrayMemory::new(&mut array);
    let mut slice = MemSlice::<u64, _>::zeroed(10, &host).unwrap();
    let part = slice.part(2..4).unwrap();
    slice.set(3, 1).unwrap();
    let _ = part.get(1);
}
