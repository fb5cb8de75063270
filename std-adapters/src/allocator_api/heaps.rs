//! Heaps by name, and the program's own.

use anymem_core::allocator_api::Global;
use anymem_core::impl_allocator_api;

use crate::heap::SharedHeap;
use crate::shm_alloc::ShmAlloc;

impl_allocator_api!([] SharedHeap);
// Its segment is never unmapped, and stays where it is when this moves.
impl_allocator_api!([] ShmAlloc, |heap| Global(heap));
