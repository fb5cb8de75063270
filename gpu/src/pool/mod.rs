//! Pools of devices' memory, in the order of streams.
//!
//! ```text
//!   StreamPool ── a DisjointPool of anymem's for each stream: magazines, slabs
//!       │ slabs, large blocks                          no call of the driver above
//!       ▼
//!   bank ── free ranges, and whose work may still use them; one event to take all of another
//!       │ chunks
//!       ▼
//!   DeviceProvider ── pages mapped to reserved addresses, or blocks of the driver's own
//! ```
//!
//! | type | what it is |
//! |---|---|
//! | [`DevicePool`], [`StreamPool`] | a pool for all streams of a device; as one of them has it |
//! | [`PooledMemory`] | the same for objects with a type |
//! | [`PinnedPool`] | pinned memory of the processor |
//! | `CudarcPool` (feature `cuda`) | slices of cudarc's, of the pool |
//! | [`DeviceProvider`] | spans for these, and for any pool of anymem's |
//! | [`Trace`], [`Snapshot`] | calls to be done again; all memory, part by part |

mod bank;
#[cfg(feature = "cuda")]
mod cudarc;
mod device_pool;
mod lane;
mod lent;
mod options;
mod pinned_pool;
mod pooled_memory;
mod provider;
mod shared;
mod shortage;
mod snapshot;
mod spans;
mod stats;
mod stream_pool;
mod trace;
mod watch;

#[cfg(feature = "cuda")]
pub use cudarc::{CudarcPool, PooledSlice};
pub use device_pool::DevicePool;
pub use options::DevicePoolOptions;
pub use pinned_pool::PinnedPool;
pub use pooled_memory::PooledMemory;
pub use provider::{DeviceProvider, DeviceProviderOptions};
pub use shortage::Shortage;
pub use snapshot::{Snapshot, SnapshotPart};
pub use stats::{DevicePoolStats, StreamStats};
pub use stream_pool::StreamPool;
pub use trace::{Call, Trace, TraceError};
