//! Global allocators for programs without an OS.
//!
//! | type | its memory |
//! |---|---|
//! | [`ArenaAlloc`] | an array inside |
//! | [`RegionAlloc`] | regions that are added at run time |
//!
//! Both are a [`TinyHeap`](crate::tiny::TinyHeap) under a lock, which is a type parameter.
//! They return null where there is no room, and never panic.

mod arena;
#[cfg(feature = "critical-section")]
mod critical_section;
mod lock;
mod region;
mod resize;

pub use arena::ArenaAlloc;
#[cfg(feature = "critical-section")]
pub use critical_section::CriticalSection;
pub use lock::{OneThread, Spin, Unlocked};
pub use region::{AddError, RegionAlloc};
