//! Global allocators for programs without an OS.
//!
//! | type | its memory |
//! |---|---|
//! | [`ArenaAlloc`] | an array inside |
//! | [`RegionAlloc`] | regions that are added at run time |
//! | [`KernelAlloc`] | the same, for processors and interrupt handlers |
//!
//! The first two are a [`TinyHeap`](crate::tiny::TinyHeap) under a lock, which is a type parameter.
//! The last one has none: see there. All return null where there is no room, and never panic.

mod arena;
#[cfg(feature = "critical-section")]
mod critical_section;
mod kernel;
mod lock;
mod region;
mod resize;

pub use arena::ArenaAlloc;
#[cfg(feature = "critical-section")]
pub use critical_section::CriticalSection;
pub use kernel::KernelAlloc;
pub use lock::{OneThread, Spin, Unlocked};
pub use region::{AddError, RegionAlloc};
