//! A program on a heap in a named segment; see `anymem_tests::program`.

use anymem::ShmAlloc;
use anymem::offset::AllocatorId;
use anymem_tests::program::NAMED_HEAP;

#[global_allocator]
static HEAP: ShmAlloc = ShmAlloc::named(NAMED_HEAP).with_id(AllocatorId::new(3, 1));

fn main() {
    anymem_tests::program::main(&HEAP);
}
