//! Memories of devices, and of the processor as devices use it.
//!
//! | type | memory | the processor uses it |
//! |---|---|---|
//! | [`DeviceMemory`] | a device's own | by copies |
//! | [`PinnedMemory`] | the processor's, which stays in memory | yes |
//! | [`ManagedMemory`] | pages that move to whoever uses them | yes |
//! | [`Registered`], [`RegisteredHeap`] | shared memory that devices use, too | yes |
//! | [`HostOrDevice`] | either, for regions of one buffer | where it is the processor's |
//!
//! The first three are memories of core: [`MemBox`](anymem::memory::MemBox),
//! [`MemSlice`](anymem::memory::MemSlice), [`transfer`](anymem::memory::transfer) and
//! [regions](anymem::region) work with them. [`Lent`] and [`Shown`] are objects of any memory
//! that a stream has until the end of its scope.

mod address;
mod blocks;
mod device_memory;
mod host_memory;
mod host_or_device;
mod identity;
mod lent;
mod managed;
mod pinned;
mod place;
mod posts;
mod registered;

pub use address::DeviceAddress;
pub use device_memory::DeviceMemory;
pub use host_or_device::{HostOrDevice, HostOrDeviceAddress};
pub use lent::{InScope, Lent, Shown};
pub use managed::ManagedMemory;
pub use pinned::PinnedMemory;
pub use registered::{RegisterError, Registered, RegisteredHeap};
