//! A program on a heap in a memory file that is observed; see `anymem_tests::program`.

use anymem::ShmAlloc;

#[global_allocator]
static HEAP: ShmAlloc = ShmAlloc::memfd().with_counts().with_profile(1024);

fn main() {
    anymem_tests::program::main(&HEAP);
}
