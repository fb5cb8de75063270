//! One type for the processor's memory and a device's.

use std::alloc::Layout;
use std::ptr::NonNull;

use anymem::memory::HostMemory;
use anymem_core::memory::{
    Address, HostAddressable, Memory, MemoryError, MemoryId, Place, RawAddress,
};

use super::{DeviceAddress, DeviceMemory};

/// Either a memory of the processor or a device's, for what takes memories of one type: the
/// regions of a [`DistributedBuffer`](anymem::region::DistributedBuffer).
///
/// # Examples
///
/// ```
/// use std::num::NonZeroU32;
///
/// use anymem::memory::HostMemory;
/// use anymem::region::{Access, DefaultRegion, DistributedBuffer, RegionId, Settings};
/// use anymem_gpu::{Device, DeviceMemory, HostOrDevice};
///
/// let id = |number| RegionId::new(NonZeroU32::new(number).expect("not 0"));
/// for device in Device::all() {
///     let device = DeviceMemory::new(&device)?;
///     let memories = [HostOrDevice::Host(HostMemory), HostOrDevice::Device(device)];
///     let regions = [1, 2].map(|number| {
///         let memory = memories[number as usize - 1].clone();
///         move |geometry| {
///             let settings = Settings::new(id(number), geometry);
///             DefaultRegion::new(settings, memory.clone(), HostMemory)
///         }
///     });
///     let buffer = DistributedBuffer::<f32, _, _>::new(id(9), 10_000, 4096, regions, HostMemory)?;
///     buffer.write(id(1), &Access::All)?.set(7, 0.5_f32)?;
///     // Only the page that is read goes to the device.
///     let range = buffer.bytes_of(7..8);
///     assert_eq!(buffer.read(id(2), &Access::Ranges(&[range]))?.get::<f32>(7)?, 0.5);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub enum HostOrDevice<H = HostMemory> {
    /// The processor's.
    Host(H),
    /// A device's.
    Device(DeviceMemory),
}

/// Where something is in either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostOrDeviceAddress<A> {
    /// In the processor's memory.
    Host(A),
    /// In the device's.
    Device(DeviceAddress),
}

impl<A: Address> Address for HostOrDeviceAddress<A> {
    const NULL: Self = Self::Host(A::NULL);

    fn byte_add(self, bytes: usize) -> Self {
        match self {
            Self::Host(address) => Self::Host(address.byte_add(bytes)),
            Self::Device(address) => Self::Device(address.byte_add(bytes)),
        }
    }

    fn to_raw(self) -> RawAddress {
        match self {
            Self::Host(address) => address.to_raw(),
            Self::Device(address) => address.to_raw(),
        }
    }

    fn from_raw(raw: RawAddress) -> Option<Self> {
        match raw {
            RawAddress::Host(_) => A::from_raw(raw).map(Self::Host),
            RawAddress::Foreign(_) => DeviceAddress::from_raw(raw).map(Self::Device),
        }
    }
}

/// Calls `$call` of whichever memory it is with an address of its kind; `$other` if the address
/// is of the other kind.
macro_rules! whichever {
    ($self:ident, $at:ident, $memory:ident => $call:expr, else $other:expr) => {
        match ($self, $at) {
            (Self::Host($memory), HostOrDeviceAddress::Host($at)) => $call,
            (Self::Device($memory), HostOrDeviceAddress::Device($at)) => $call,
            _ => $other,
        }
    };
}

// SAFETY: each method is that of the memory that it is; addresses of the other are refused.
unsafe impl<H: HostAddressable> Memory for HostOrDevice<H> {
    type Address = HostOrDeviceAddress<H::Address>;

    fn id(&self) -> MemoryId {
        match self {
            Self::Host(memory) => memory.id(),
            Self::Device(memory) => memory.id(),
        }
    }

    fn allocate(&self, layout: Layout) -> Result<Self::Address, MemoryError> {
        match self {
            Self::Host(memory) => memory.allocate(layout).map(HostOrDeviceAddress::Host),
            Self::Device(memory) => memory.allocate(layout).map(HostOrDeviceAddress::Device),
        }
    }

    unsafe fn free(&self, address: Self::Address, layout: Layout) {
        // SAFETY: passed on from the caller.
        whichever!(self, address, memory => unsafe { memory.free(address, layout) }, else {});
    }

    unsafe fn copy_to(
        &self,
        to: Self::Address,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        whichever!(self, to, memory => unsafe { memory.copy_to(to, from, len) },
            else Err(MemoryError::BadAddress))
    }

    unsafe fn copy_from(
        &self,
        to: *mut u8,
        from: Self::Address,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        whichever!(self, from, memory => unsafe { memory.copy_from(to, from, len) },
            else Err(MemoryError::BadAddress))
    }

    unsafe fn fill(&self, at: Self::Address, byte: u8, len: usize) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        whichever!(self, at, memory => unsafe { memory.fill(at, byte, len) },
            else Err(MemoryError::BadAddress))
    }

    fn host(&self, address: Self::Address) -> Option<NonNull<u8>> {
        whichever!(self, address, memory => memory.host(address), else None)
    }

    unsafe fn copy_peer(
        &self,
        to: Self::Address,
        from: Place<'_>,
        len: usize,
    ) -> Option<Result<(), MemoryError>> {
        // SAFETY: passed on from the caller.
        whichever!(self, to, memory => unsafe { memory.copy_peer(to, from, len) }, else None)
    }

    unsafe fn post_copy_to(
        &self,
        to: Self::Address,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        whichever!(self, to, memory => unsafe { memory.post_copy_to(to, from, len) },
            else Err(MemoryError::BadAddress))
    }

    unsafe fn post_copy_from(
        &self,
        to: *mut u8,
        from: Self::Address,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        whichever!(self, from, memory => unsafe { memory.post_copy_from(to, from, len) },
            else Err(MemoryError::BadAddress))
    }

    fn flush(&self) -> Result<(), MemoryError> {
        match self {
            Self::Host(memory) => memory.flush(),
            Self::Device(memory) => memory.flush(),
        }
    }

    fn failures(&self) -> u32 {
        match self {
            Self::Host(memory) => memory.failures(),
            Self::Device(memory) => memory.failures(),
        }
    }

    fn available(&self) -> Option<usize> {
        match self {
            Self::Host(memory) => memory.available(),
            Self::Device(memory) => memory.available(),
        }
    }

    fn granule(&self) -> usize {
        match self {
            Self::Host(memory) => memory.granule(),
            Self::Device(memory) => memory.granule(),
        }
    }
}
