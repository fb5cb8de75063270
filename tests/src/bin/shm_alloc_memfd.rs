//! A program on a heap in a memory file; see `anymem_tests::program`.

use anymem::ShmAlloc;

#[global_allocator]
static HEAP: ShmAlloc = ShmAlloc::memfd();

fn main() {
    anymem_tests::program::main(&HEAP);
}
