//! Memory of GPUs under the same traits as any other.

mod device;
pub mod driver;
mod error;
mod event;
mod given;
pub mod guide;
pub mod ipc;
#[cfg(target_pointer_width = "64")]
pub mod kernels;
mod memory;
mod offers;
pub mod pool;
mod scope;
mod stream;

pub use device::Device;
pub use error::GpuError;
pub use event::Event;
pub use memory::{
    DeviceAddress, DeviceMemory, HostOrDevice, HostOrDeviceAddress, InScope, Lent, ManagedMemory,
    PinnedMemory, RegisterError, Registered, RegisteredHeap, Shown,
};
pub use scope::Scope;
pub use stream::Stream;
