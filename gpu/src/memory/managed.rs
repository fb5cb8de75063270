//! Memory that moves to whoever uses it.

use std::sync::Arc;

use anymem::provider::MemoryKind;
use anymem_core::memory::HostAddressable;

use super::blocks::Blocks;
use super::host_memory::host_memory;
use crate::{Device, GpuError};

/// Memory with one address for the processor and the device, whose pages move to where they
/// are used.
///
/// # When the device uses it
///
/// What one side writes, the other finds once it was waited for: the processor after it has
/// synchronised with the stream, a kernel that was launched after the writes. In between they
/// must not use the same bytes, unless by atomics on devices that have
/// [`host_atomics`](crate::driver::Attributes::host_atomics).
///
/// Devices without [`concurrent_managed`](crate::driver::Attributes::concurrent_managed) do not
/// let the processor use *any* managed memory while they run a kernel: it would end by a
/// signal. There [`new`](Self::new) refuses, and [`exclusive`](Self::exclusive) is for who sees
/// to it.
///
/// # Examples
///
/// ```
/// use anymem::memory::MemSlice;
/// use anymem_gpu::{Device, ManagedMemory};
///
/// for device in Device::all() {
///     let Ok(memory) = ManagedMemory::new(&device) else { continue };
///     let mut numbers = MemSlice::<u32, _>::zeroed(1000, &memory)?;
///     numbers.as_mut_slice()[7] = 42;
///     // For a kernel:
///     let _address = memory.on_device(numbers.address());
/// }
/// # use anymem::memory::{MemRead, MemWrite};
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ManagedMemory(Arc<Blocks>);

impl ManagedMemory {
    /// Managed memory of `device`, for processor and device at the same time.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](GpuError::Unsupported) if the device has none, or none that the processor
    /// may use at any time.
    pub fn new(device: &Device) -> Result<Self, GpuError> {
        let attributes = device.attributes()?;
        if attributes.managed && !attributes.concurrent_managed {
            return Err(unsupported(device, "managed memory that the processor may always use"));
        }
        // SAFETY: the processor may use it at any time.
        unsafe { Self::exclusive(device) }
    }

    /// Managed memory of `device`, for processor and device by turns.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](GpuError::Unsupported) if the device has none.
    ///
    /// # Safety
    ///
    /// The device may let the processor use it at any time, or no kernel runs there while the
    /// processor uses a block of it.
    pub unsafe fn exclusive(device: &Device) -> Result<Self, GpuError> {
        if !device.attributes()?.managed {
            return Err(unsupported(device, "managed memory"));
        }
        Ok(Self(Arc::new(Blocks::new(device, MemoryKind::Managed))))
    }
}

host_memory!(ManagedMemory, "managed");

// SAFETY: the processor uses managed blocks by their address, until they are freed, and at any
// time, or the caller of `exclusive` sees to it; `Blocks` aligns them.
unsafe impl HostAddressable for ManagedMemory {}

fn unsupported(device: &Device, what: &'static str) -> GpuError {
    GpuError::Unsupported { device: device.number(), what }
}
