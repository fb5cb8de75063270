//! Bytes that go to the device and come from it, from three kinds of the processor's memory.

use core::hint::black_box;
use std::time::Instant;

use anymem::memory::{HostMemory, MemRead, MemSlice, MemWrite};
use anymem::{
    Size,
    backend::{Backend, MemfdBackend},
};
use anymem_gpu::{Device, DeviceMemory, PinnedMemory, Registered, driver::Direction};

use super::{blocks::Sample, job::Copy, target::said};

/// Bytes of each copy.
const BYTES: usize = 64 << 20;

/// From memory that other processes have as well, and that is registered.
pub(super) fn registered(device: &Device, copy: Copy) -> Result<Sample<'static>, String> {
    let memory = MemfdBackend::create("compare", Size::bytes(BYTES)).map_err(said)?;
    let memory = Registered::new(memory, [device]).map_err(said)?;
    // SAFETY: the backend's own bytes, which nobody else uses yet.
    unsafe { memory.backend().base().write_bytes(1, BYTES) };
    let at = memory.backend().base().as_ptr();
    copies(device, copy, at, memory)
}

/// From memory that the driver has pinned.
pub(super) fn pinned(device: &Device, copy: Copy) -> Result<Sample<'static>, String> {
    let memory = PinnedMemory::new(device);
    let mut bytes = MemSlice::filled(BYTES, 1_u8, memory).map_err(said)?;
    let at = bytes.as_mut_slice().as_mut_ptr();
    copies(device, copy, at, bytes)
}

/// From any memory.
pub(super) fn pageable(device: &Device, copy: Copy) -> Result<Sample<'static>, String> {
    let mut bytes = MemSlice::filled(BYTES, 1_u8, HostMemory).map_err(said)?;
    let at = bytes.as_mut_slice().as_mut_ptr();
    copies(device, copy, at, bytes)
}

/// A sample of copies between the device and the [`BYTES`] bytes at `at`, which are there as
/// long as `owner` is.
fn copies<O: 'static>(
    device: &Device,
    copy: Copy,
    at: *mut u8,
    owner: O,
) -> Result<Sample<'static>, String> {
    let there = MemSlice::filled(BYTES, 0_u8, DeviceMemory::new(device).map_err(said)?);
    let there = there.map_err(said)?;
    let (host, other) = (at.expose_provenance() as u64, there.address().number());
    let device = device.clone();
    Ok(Box::new(move |operations| {
        let _kept = black_box((&owner, &there));
        let (to, from, direction) = match copy {
            Copy::To => (other, host, Direction::ToDevice),
            Copy::From => (host, other, Direction::ToHost),
        };
        let start = Instant::now();
        for _ in 0..operations {
            let (driver, number) = (device.driver(), device.number());
            // SAFETY: both are there, and used by nobody else.
            unsafe { driver.copy(number, None, to, from, BYTES, direction) }.map_err(said)?;
        }
        Ok(start.elapsed().as_secs_f64() * 1e9 / operations as f64)
    }))
}
