//! What refers to the processor's memory means nothing in another one.

use anymem_core::memory::{ArrayMemory, MemBox};

fn main() {
    let mut array = [0; 1024];
    let host = ArrayMemory::new(&mut array);
    let _ = MemBox::new(&1_u64, &host);
}
