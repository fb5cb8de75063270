//! Pages that a device uses, for as long as somebody has them registered.
//!
//! Drivers register pages once for all of their devices, so users of one mapping share that: the
//! last of them ends it. Both happen while the table is locked, so nobody finds pages that are
//! just about to go.

use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::known::{self, What};
use crate::memory::DeviceAddress;
use crate::{Device, GpuError};

static TABLE: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

#[derive(Debug)]
struct Entry {
    /// With which they were registered.
    device: Device,
    host: usize,
    /// Where that device has them.
    base: u64,
    bytes: usize,
    users: usize,
}

/// One use of registered pages; it ends with this.
#[derive(Debug)]
pub(super) struct Pages {
    device: Device,
    host: NonNull<u8>,
    bytes: usize,
    base: DeviceAddress,
}

// SAFETY: the pointer is but where the pages are; nothing is read or written by it.
unsafe impl Send for Pages {}
// SAFETY: as for `Send`.
unsafe impl Sync for Pages {}

impl Pages {
    /// Lets `device` use pages, or finds that it does.
    ///
    /// # Safety
    ///
    /// They stay mapped, and the same ones, until this is dropped, and are writable unless
    /// `read_only`.
    pub(super) unsafe fn register(
        device: &Device,
        host: NonNull<u8>,
        bytes: usize,
        read_only: bool,
    ) -> Result<Self, GpuError> {
        let (mut table, driver) = (lock(), device.driver());
        let base = match table.iter_mut().find(|it| it.is(device, host, bytes)) {
            Some(entry) => {
                let base = driver.registered_address(device.number(), host)?;
                entry.users += 1;
                base
            }
            None => {
                // SAFETY: passed on from the caller; no entry has these pages, and mappings do
                // not share any.
                let base = unsafe { driver.register(device.number(), host, bytes, read_only)? };
                let (device, host) = (device.clone(), host.addr().get());
                known::note(&device, What::Registered, host as u64, bytes);
                if base != host as u64 {
                    known::note(&device, What::Registered, base, bytes);
                }
                table.push(Entry { device, host, base, bytes, users: 1 });
                base
            }
        };
        Ok(Self { device: device.clone(), host, bytes, base: DeviceAddress::new(base) })
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// Where the device has the byte at `offset`, with `len` bytes from there on.
    pub(super) fn at(&self, offset: usize, len: usize) -> Option<DeviceAddress> {
        let end = offset.checked_add(len)?;
        (end <= self.bytes)
            .then(|| DeviceAddress::new(self.base.number().wrapping_add(offset as u64)))
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let mut table = lock();
        let is_own = |it: &Entry| it.is(&self.device, self.host, self.bytes);
        let Some(place) = table.iter().position(is_own) else { return };
        table[place].users -= 1;
        if table[place].users == 0 {
            let Entry { device, host, base, .. } = table.swap_remove(place);
            known::forget(host as u64);
            known::forget(base);
            // SAFETY: registered by `register`, and nobody else has them so; whoever let devices
            // use them has seen to it that they do so no more. What fails is that the driver is
            // gone, and with it all that was registered.
            let _ = unsafe { device.driver().unregister(device.number(), self.host) };
        }
    }
}

impl Entry {
    /// Whether these are its pages, as the driver of `device` knows them.
    fn is(&self, device: &Device, host: NonNull<u8>, bytes: usize) -> bool {
        Arc::ptr_eq(self.device.driver(), device.driver())
            && (self.host, self.bytes) == (host.addr().get(), bytes)
    }
}

fn lock() -> MutexGuard<'static, Vec<Entry>> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers the same pages with several devices, all or none.
///
/// # Safety
///
/// As for [`Pages::register`].
pub(super) unsafe fn register_with<'d>(
    devices: impl IntoIterator<Item = &'d Device>,
    span: NonNull<[u8]>,
    read_only: bool,
) -> Result<Vec<Pages>, GpuError> {
    let register = |device| {
        // SAFETY: passed on from the caller.
        unsafe { Pages::register(device, span.cast(), span.len(), read_only) }
    };
    devices.into_iter().map(register).collect()
}

/// Where `device` has the byte at `offset`; `None` if it does not have it.
pub(super) fn find(
    pages: &[Pages],
    device: &Device,
    offset: usize,
    len: usize,
) -> Option<DeviceAddress> {
    pages.iter().find(|it| it.device() == device)?.at(offset, len)
}
