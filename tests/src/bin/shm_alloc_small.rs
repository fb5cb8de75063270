//! A program on a heap of 32 MiB in a memory file; see `anymem_tests::program`.

use anymem::ShmAlloc;

#[global_allocator]
static HEAP: ShmAlloc = ShmAlloc::memfd().with_size(32 << 20);

fn main() {
    anymem_tests::program::main(&HEAP);
}
