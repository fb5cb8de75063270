//! The processor's memory that devices copy from and to by themselves.

use std::alloc::Layout;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use anymem_core::memory::{HostAddressOf, HostAddressable, Memory, MemoryError, MemoryId};

use super::blocks::{self, Blocks, Kind};
use super::{DeviceAddress, identity};
use crate::{Device, GpuError};

/// Memory of the processor that stays in memory, and that devices reach: copies from and to it
/// need no second copy on the way, and go on by themselves.
///
/// There is less of it than of other memory, and to get it takes long; a pool of it is for many
/// blocks. The device that it is asked of is the one that is nearest to it; all devices of the
/// driver reach it.
///
/// # When the device uses it
///
/// A copy or a kernel of a stream may use a block until the stream is done with it. Copies of
/// objects in a [scope](crate::Stream::scope) see to that by themselves; who passes an
/// [address](Self::on_device) to a kernel has to.
///
/// # Examples
///
/// ```
/// use anymem::memory::MemSlice;
/// use anymem_gpu::{Device, DeviceMemory, PinnedMemory};
///
/// for device in Device::all() {
///     let mut numbers = MemSlice::<u32, _>::zeroed(1000, PinnedMemory::new(&device))?;
///     numbers.as_mut_slice()[7] = 42;
///     let (there, _) = numbers.to_memory(DeviceMemory::new(&device)?)?;
///     assert_eq!(there.get(7)?, 42);
/// }
/// # use anymem::memory::{MemRead, MemWrite};
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PinnedMemory(Arc<Blocks>);

impl PinnedMemory {
    /// Pinned memory, asked of `device`.
    #[must_use]
    pub fn new(device: &Device) -> Self {
        Self(Arc::new(Blocks::new(device, Kind::Pinned)))
    }

    /// The device that it is asked of.
    #[must_use]
    pub fn device(&self) -> &Device {
        self.0.device()
    }

    /// Where devices find what is at `address`: drivers give both sides one address.
    #[must_use]
    pub fn on_device(&self, address: HostAddressOf<Self>) -> DeviceAddress {
        DeviceAddress::new(address.as_ptr().expose_provenance() as u64)
    }

    /// As [`DeviceMemory::last_error`](super::DeviceMemory::last_error).
    #[must_use]
    pub fn last_error(&self) -> Option<GpuError> {
        self.0.last_error()
    }
}

// SAFETY: blocks are the driver's, which hands each out once; copies are those that go by
// `host`.
unsafe impl Memory for PinnedMemory {
    type Address = HostAddressOf<Self>;

    fn id(&self) -> MemoryId {
        MemoryId { kind: "pinned", ..identity::id_of(self.device()) }
    }

    fn allocate(&self, layout: Layout) -> Result<HostAddressOf<Self>, MemoryError> {
        self.0.allocate(layout).map(blocks::host).map(HostAddressOf::new)
    }

    unsafe fn free(&self, address: HostAddressOf<Self>, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.0.free(address.as_ptr().expose_provenance() as u64, layout) };
    }

    #[inline]
    fn host(&self, address: HostAddressOf<Self>) -> Option<NonNull<u8>> {
        NonNull::new(address.as_ptr())
    }
}

// SAFETY: pinned blocks are the processor's memory, until they are freed; `Blocks` aligns them.
unsafe impl HostAddressable for PinnedMemory {}

impl fmt::Debug for PinnedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PinnedMemory").field(self.device()).finish()
    }
}
