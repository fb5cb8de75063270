//! The processor's memory that devices copy from and to by themselves.

use std::sync::Arc;

use anymem::provider::MemoryKind;
use anymem_core::memory::HostAddressable;

use super::blocks::Blocks;
use super::host_memory::host_memory;
use crate::Device;

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
        Self(Arc::new(Blocks::new(device, MemoryKind::Host)))
    }
}

host_memory!(PinnedMemory, "pinned");

// SAFETY: pinned blocks are the processor's memory, until they are freed; `Blocks` aligns them.
unsafe impl HostAddressable for PinnedMemory {}
