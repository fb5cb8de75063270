//! A block of another process, open on a device of this one.

use std::fmt;

use anymem::ipc::{Guest, IpcError, IpcHandle, visit};
use bytemuck::Pod;

use super::imports::Imports;
use crate::driver::Direction;
use crate::memory::DeviceAddress;
use crate::{Device, GpuError};

/// A block of another process's device memory, open in this one for as long as this lives.
///
/// The process that offered it keeps the memory meanwhile, even if it frees the block. Others
/// may write to the block at any time: agree on who writes when.
pub struct OpenedBlock {
    guest: Guest,
    device: Device,
    address: u64,
}

impl OpenedBlock {
    #[inline]
    pub(super) fn open(device: &Device, handle: &IpcHandle) -> Result<Self, GpuError> {
        let guest = visit(handle)?;
        let imports = guest.attached(|| Imports::new(&guest))?;
        let end = guest.offset().checked_add(guest.len() as u64);
        if end.is_none_or(|end| end > imports.len()) {
            return Err(IpcError::Withdrawn.into());
        }
        let start = imports.on(device, &guest)?;
        let address = start.wrapping_add(guest.offset());
        Ok(Self { device: device.clone(), address, guest })
    }

    /// Where it is on the device.
    #[must_use]
    #[inline]
    pub fn address(&self) -> DeviceAddress {
        DeviceAddress::new(self.address)
    }

    /// How many bytes it has.
    #[must_use]
    #[inline]
    #[allow(clippy::len_without_is_empty, reason = "no block is empty")]
    pub fn len(&self) -> usize {
        self.guest.len()
    }

    /// The device that it is open on.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether the process lives that offered it. Asks the system.
    #[must_use]
    pub fn owner_lives(&self) -> bool {
        self.guest.owner_lives()
    }

    /// Copies values out of the block, from `offset` bytes on.
    ///
    /// # Errors
    ///
    /// [`WrongAddress`](GpuError::WrongAddress) if the block does not have as many bytes there,
    /// and what the driver says.
    pub fn read<T: Pod>(&self, offset: usize, values: &mut [T]) -> Result<(), GpuError> {
        let bytes = bytemuck::cast_slice_mut::<T, u8>(values);
        let from = self.place(offset, bytes.len())?;
        let to = bytes.as_mut_ptr().expose_provenance() as u64;
        // SAFETY: the block is open and has as many bytes there; the values are this call's,
        // which returns when the copy is done, and any bytes are such values.
        unsafe { self.copy(to, from, bytes.len(), Direction::ToHost) }
    }

    /// Copies values into the block, from `offset` bytes on.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn write<T: Pod>(&self, offset: usize, values: &[T]) -> Result<(), GpuError> {
        let bytes = bytemuck::cast_slice::<T, u8>(values);
        let to = self.place(offset, bytes.len())?;
        let from = bytes.as_ptr().expose_provenance() as u64;
        // SAFETY: as in `read`; nobody writes the values meanwhile.
        unsafe { self.copy(to, from, bytes.len(), Direction::ToDevice) }
    }

    fn place(&self, offset: usize, len: usize) -> Result<u64, GpuError> {
        let is_within = offset.checked_add(len).is_some_and(|end| end <= self.len());
        let address = self.address.wrapping_add(offset as u64);
        let device = self.device.number();
        if is_within { Ok(address) } else { Err(GpuError::WrongAddress { device, address }) }
    }

    /// # Safety
    ///
    /// As for [`Driver::copy`](crate::driver::Driver::copy).
    unsafe fn copy(
        &self,
        to: u64,
        from: u64,
        len: usize,
        direction: Direction,
    ) -> Result<(), GpuError> {
        if len == 0 {
            return Ok(());
        }
        let (driver, number) = (self.device.driver(), self.device.number());
        // SAFETY: passed on from the caller.
        unsafe { driver.copy(number, None, to, from, len, direction) }
    }
}

impl fmt::Debug for OpenedBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenedBlock({:#x}, {} bytes on {})", self.address, self.len(), self.device)
    }
}
