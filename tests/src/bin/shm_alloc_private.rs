//! A program on a heap of its own; see `anymem_tests::program`.

use anymem::ShmAlloc;

#[global_allocator]
static HEAP: ShmAlloc = ShmAlloc::new();

fn main() {
    anymem_tests::program::main(&HEAP);
}
