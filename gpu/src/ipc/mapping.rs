//! Pages of another process, mapped in this one.

use std::os::fd::OwnedFd;

use crate::driver::PhysicalId;
use crate::{Device, GpuError};

/// Pages of another process, mapped one behind the other, until this is dropped.
///
/// # Invariants
///
/// - `bytes` addresses from `start` on are reserved on the device.
/// - The pieces were imported, and fill these addresses from the first one on. All that they
///   fill is mapped, and nothing behind.
#[derive(Debug)]
pub(super) struct Mapping {
    device: Device,
    start: u64,
    bytes: usize,
    pieces: Vec<(PhysicalId, usize)>,
}

impl Mapping {
    /// Reserves addresses for so many bytes.
    pub(super) fn new(device: &Device, bytes: usize) -> Result<Self, GpuError> {
        let start = device.driver().reserve(device.number(), bytes)?;
        Ok(Self { device: device.clone(), start, bytes, pieces: Vec::new() })
    }

    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// Imports pages and maps them behind those that are there.
    pub(super) fn append(&mut self, descriptor: OwnedFd, len: usize) -> Result<(), GpuError> {
        let (driver, number) = (self.device.driver(), self.device.number());
        let done = self.filled();
        let address = self.start + done as u64;
        if self.bytes - done < len {
            return Err(GpuError::WrongAddress { device: number, address });
        }
        let pages = driver.import_physical(number, descriptor)?;
        // SAFETY: there are as many reserved addresses, where nothing is mapped; a driver
        // refuses pages of another length.
        let mapped = unsafe { driver.map(number, address, len, pages) };
        if mapped.is_err() {
            // SAFETY: imported above, and named nowhere. If it fails the driver has them.
            let _ = unsafe { driver.destroy_physical(number, pages) };
        }
        mapped.map(|()| self.pieces.push((pages, len)))
    }

    /// Bytes that are mapped.
    fn filled(&self) -> usize {
        self.pieces.iter().map(|(_, len)| len).sum()
    }

    /// Unmaps the last piece; `false` if there is none.
    fn remove(&mut self) -> Result<bool, GpuError> {
        let (driver, number) = (self.device.driver(), self.device.number());
        let address = self.start + self.filled() as u64;
        let Some((pages, len)) = self.pieces.pop() else { return Ok(false) };
        // SAFETY: mapped there by `append`; no block of it is open any more.
        unsafe { driver.unmap(number, address - len as u64, len) }?;
        // SAFETY: imported by `append`, and mapped no more.
        unsafe { driver.destroy_physical(number, pages) }.map(|()| true)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // What fails here is that the driver is gone, or another process's, and the pages with
        // it. Addresses where something is mapped yet are not given back.
        while let Ok(is_more) = self.remove() {
            if !is_more {
                let (driver, number) = (self.device.driver(), self.device.number());
                // SAFETY: reserved by `new`, and nothing is mapped there.
                let _ = unsafe { driver.release(number, self.start, self.bytes) };
                return;
            }
        }
    }
}
