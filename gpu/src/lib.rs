//! Memory of GPUs under the same traits as any other, and shared heaps that GPUs use in place.
//!
//! | module or type | what it is for |
//! |---|---|
//! | [`Device`], [`Stream`], [`Event`], [`Scope`] | what a driver has, and copies that go on by themselves |
//! | [`DeviceMemory`], [`PinnedMemory`], [`ManagedMemory`] | memories of [`anymem::memory`] |
//! | [`Registered`], [`RegisteredHeap`] | shared memory that processes and devices use together |
//! | [`pool`] | many blocks, in the order of streams, without a call of the driver |
//! | [`ipc`] | blocks of devices in other processes |
//! | [`kernels`] | code for devices that walks and builds what is in a heap |
//! | [`driver`] | CUDA, HIP, Level Zero and a device in software, each loaded when asked for |
//!
//! No driver need be there to build this crate or to run what is built with it. The features
//! `cuda`, `hip` and `level-zero`, all of them on unless told, and `sim`, the device in software,
//! say which can be asked for. The [guide] says how to choose, and what has run on which hardware.

mod device;
pub mod driver;
mod error;
mod event;
mod given;
pub mod guide;
pub mod ipc;
#[cfg(target_pointer_width = "64")]
pub mod kernels;
mod known;
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
