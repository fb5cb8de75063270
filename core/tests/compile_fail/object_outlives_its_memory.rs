//! An object of a local memory ends with it.

use anymem_core::memory::{ArrayMemory, MemBox};

fn main() {
    let value = {
        let mut array = [0; 1024];
        let local = ArrayMemory::new(&mut array);
        MemBox::new(1_u64, &local).unwrap()
    };
    let _ = value.get();
}
