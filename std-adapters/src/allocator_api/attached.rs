//! Allocators as the process uses them.

use anymem_core::impl_allocator_api;

use crate::allocator::MallocAllocator;
use crate::attached::{Attached, HeapKind};

impl_allocator_api!([A: HeapKind] Attached<A>);
impl_allocator_api!([] MallocAllocator);
