//! Memories as types, and objects that live in them: what core has, and the processor's
//! own.
//!
//! | type | memory | addresses |
//! |---|---|---|
//! | [`HostMemory`] | the program's allocator | pointers |
//! | [`PoolMemory`] | any [pool](crate::pool) of memory that the processor can use | pointers |
//! | [`ArrayMemory`] | a borrowed array | pointers |
//! | [`HeapMemory`] | any heap, a [shared](crate::SharedHeap) one as well | offsets |
//! | [`SimMemory`] | a device that there is not | numbers |
//! | [`Counted`] | another one, counted and limited | its own |
//!
//! `&M` and `Arc<M>` are memories as `M` is. [`Standard`] is the one that code takes unless
//! told otherwise.

mod counted;
mod host;
#[cfg(unix)]
mod pool;

pub use anymem_core::allocator::{HeapAddress, HeapMemory};
pub use anymem_core::memory::*;
pub use counted::{Counted, MemoryCounts};
pub use host::{HostMemory, Standard};
#[cfg(unix)]
pub use pool::PoolMemory;
