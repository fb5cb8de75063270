//! Bytes of the processor, for drivers.

use anymem_gpu::Device;
use anymem_gpu::driver::Direction;

/// An address of the processor, as drivers take it.
pub(crate) fn word<T: ?Sized>(at: *const T) -> u64 {
    at.cast::<u8>().expose_provenance() as u64
}

/// Writes bytes of a device, at once.
pub(crate) fn write(device: &Device, at: u64, bytes: &[u8]) {
    let (driver, from) = (device.driver(), word(bytes.as_ptr()));
    // SAFETY: both sides are there, and the copy is done on return.
    unsafe { driver.copy(device.number(), None, at, from, bytes.len(), Direction::ToDevice) }
        .expect("copied");
}

/// Reads bytes of a device, at once.
pub(crate) fn read(device: &Device, at: u64, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    let (driver, to) = (device.driver(), word(read.as_mut_ptr()));
    // SAFETY: as in `write`.
    unsafe { driver.copy(device.number(), None, to, at, bytes, Direction::ToHost) }
        .expect("copied");
    read
}
