//! The heap of the whole process, whether or not it is made yet.

use anymem::ShmAlloc;

/// The heap.
pub(crate) static HEAP: ShmAlloc = ShmAlloc::new();
