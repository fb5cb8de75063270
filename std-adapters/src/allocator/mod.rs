//! Allocators: core's, and the C library's behind the same trait.

mod malloc;

pub use anymem_core::allocator::*;
pub use malloc::MallocAllocator;

pub use crate::attached::{Attached, HeapKind};
