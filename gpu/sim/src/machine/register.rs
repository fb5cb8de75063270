//! Host memory that devices can use.

use std::ptr::NonNull;

use super::Device;
use crate::mapping::{Mapping, whole_pages};
use crate::space::{Access, HostPages, Kind, Span};
use crate::{Call, SimError, host};

impl Device<'_> {
    /// Lets all devices use bytes of the processor's memory; their address on the device.
    ///
    /// As with CUDA, it is whole pages that are registered, once for all devices.
    ///
    /// # Errors
    ///
    /// [`SimError::Invalid`] if some of it is not mapped, or cannot be written and `read_only`
    /// does not say so; [`SimError::AlreadyRegistered`] if a page of it is.
    ///
    /// # Safety
    ///
    /// It stays mapped until [`unregister`](Self::unregister).
    pub unsafe fn register(
        self,
        address: NonNull<u8>,
        bytes: usize,
        read_only: bool,
    ) -> Result<u64, SimError> {
        self.enter(Call::Register)?;
        let (host, page) = (address.as_ptr() as u64, rustix::param::page_size() as u64);
        let first = host - host % page;
        let pages = bytes.checked_add((host - first) as usize).and_then(whole_pages);
        let pages = pages.filter(|_| bytes > 0).ok_or(SimError::Invalid { what: "size" })?;
        let access = if read_only { Access::Read } else { Access::Write };
        if host::access(first, pages)? < access {
            return Err(SimError::Invalid { what: "access to the memory" });
        }
        let window = self.window(pages)?;
        let device_address = window.as_ref().map_or(host, |it| it.address() + (host - first));
        let kind = Kind::Registered { host: first, window };
        let span = Span { bytes, inside: address, device: None, access, kind };
        let mut space = self.machine.space_mut();
        if space.is_host_known(first, pages) || space.is_used(device_address, bytes) {
            return Err(SimError::AlreadyRegistered { address: host });
        }
        space.host.insert(first, HostPages { bytes: pages, device_address });
        space.spans.insert(device_address, span);
        Ok(device_address)
    }

    /// Addresses of the device's own for host memory, if it has to have some.
    fn window(self, pages: usize) -> Result<Option<Mapping>, SimError> {
        let other = !self.machine.options.same_address;
        other.then(|| Mapping::reserve(pages)).transpose()
    }

    /// Ends that, once the device has done what it was asked for.
    ///
    /// # Errors
    ///
    /// [`SimError::NotRegistered`].
    pub fn unregister(self, address: NonNull<u8>) -> Result<(), SimError> {
        self.enter(Call::Unregister)?;
        self.finish_all();
        let host = address.as_ptr() as u64;
        let device_address = self.device_address_of(host);
        let address = device_address.ok_or(SimError::NotRegistered { address: host })?;
        let span = self
            .take_span(address, |it| {
                it.inside.as_ptr() as u64 == host && matches!(it.kind, Kind::Registered { .. })
            })
            .map_err(|_| SimError::NotRegistered { address: host })?;
        if let Kind::Registered { host: first, .. } = span.kind {
            self.machine.space_mut().host.remove(&first);
        }
        Ok(())
    }

    /// The device's address of pinned or registered host memory.
    ///
    /// # Errors
    ///
    /// [`SimError::NotRegistered`].
    pub fn device_address(self, address: NonNull<u8>) -> Result<u64, SimError> {
        self.enter(Call::Ask)?;
        let host = address.as_ptr() as u64;
        let found = self.machine.space().device_address_of(host);
        found.ok_or(SimError::NotRegistered { address: host })
    }

    fn device_address_of(self, host: u64) -> Option<u64> {
        self.machine.space().device_address_of(host)
    }
}
