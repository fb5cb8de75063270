//! Global allocators for programs without an OS.
//!
//! | type | its memory |
//! |---|---|
//! | [`ArenaAlloc`] | an array inside |
//! | [`RegionAlloc`] | regions that are added at run time |
//! | [`KernelAlloc`] | the same, for processors and interrupt handlers |
//!
//! - All constructors are `const`, so an allocator can be a `static` and
//!   `#[global_allocator]`.
//! - Where there is no room they return null, so `try_reserve` returns an error, and what
//!   cannot fail ends in `alloc_error`. They never panic.
//! - `realloc` makes blocks larger and smaller where they stand, if that is possible.
//!
//! The first two are a [`TinyHeap`](crate::tiny::TinyHeap) under a lock, which is a type
//! parameter. Each call takes a fixed number of steps under it, so interrupts are held off for
//! a bounded time where the lock is a critical section. The last one has no lock.
//!
//! | who allocates | lock |
//! |---|---|
//! | one thread | [`Unlocked`], in a [`OneThread`] |
//! | threads, processors | [`Spin`], the default |
//! | interrupt handlers, too | `CriticalSection` (feature `critical-section`) |
//!
//! Any other [`lock_api::RawMutex`] will do, such as one that a kernel has already.

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
