//! Addresses and pages apart from each other, and pages of other processes.

use std::ffi::c_int;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::{from_mut, null_mut, without_provenance_mut};

use cudarc::driver::sys::{
    CUmemAccess_flags, CUmemAccessDesc, CUmemAllocationHandleType, CUmemAllocationProp,
    CUmemAllocationProp_st__bindgen_ty_1, CUmemAllocationType, CUmemLocation, CUmemLocationType,
};

use super::context::Current;
use crate::GpuError;
use crate::driver::PhysicalId;

/// Handles to pages are file descriptors.
const DESCRIPTOR: CUmemAllocationHandleType =
    CUmemAllocationHandleType::CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
/// The least bytes that pages come in multiples of.
const MINIMUM: u32 = 0;

impl Current<'_> {
    pub(super) fn granularity(&self) -> Result<usize, GpuError> {
        let mut bytes = 0;
        self.ask(|api| api.granularity(&mut bytes, &self.pages(), MINIMUM))?;
        Ok(bytes)
    }

    pub(super) fn reserve(&self, bytes: usize) -> Result<u64, GpuError> {
        let mut address = 0;
        self.ask(|api| api.reserve(&mut address, bytes, 0, 0, 0))?;
        Ok(address)
    }

    /// # Safety
    ///
    /// As [`Driver::release`](crate::driver::Driver::release).
    pub(super) unsafe fn release(&self, address: u64, bytes: usize) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.release(address, bytes) })
    }

    pub(super) fn create_physical(&self, bytes: usize) -> Result<PhysicalId, GpuError> {
        let mut pages = 0;
        self.ask_for(bytes, |api| api.create_physical(&mut pages, bytes, &self.pages(), 0))?;
        Ok(PhysicalId(pages))
    }

    /// # Safety
    ///
    /// As [`Driver::destroy_physical`](crate::driver::Driver::destroy_physical).
    pub(super) unsafe fn destroy_physical(&self, pages: PhysicalId) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.destroy_physical(pages.0) })
    }

    /// # Safety
    ///
    /// As [`Driver::map`](crate::driver::Driver::map).
    pub(super) unsafe fn map(
        &self,
        address: u64,
        bytes: usize,
        pages: PhysicalId,
    ) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        self.ask_for(bytes, |api| unsafe { api.map(address, bytes, 0, pages.0, 0) })?;
        let access = CUmemAccessDesc {
            location: self.location(),
            flags: CUmemAccess_flags::CU_MEM_ACCESS_FLAGS_PROT_READWRITE,
        };
        // SAFETY: it was just mapped, and `access` is one description.
        let set = self.ask_for(bytes, |api| unsafe { api.set_access(address, bytes, &access, 1) });
        if set.is_err() {
            // SAFETY: as above, and nobody has been told.
            let _ = unsafe { self.unmap(address, bytes) };
        }
        set
    }

    /// # Safety
    ///
    /// As [`Driver::unmap`](crate::driver::Driver::unmap).
    pub(super) unsafe fn unmap(&self, address: u64, bytes: usize) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.unmap(address, bytes) })
    }

    pub(super) fn export_physical(&self, pages: PhysicalId) -> Result<OwnedFd, GpuError> {
        let mut descriptor: c_int = -1;
        let to = from_mut(&mut descriptor).cast();
        // SAFETY: pages are known by those alone who have them, and a descriptor is an `int`.
        self.ask(|api| unsafe { api.export_physical(to, pages.0, DESCRIPTOR.0, 0) })?;
        // SAFETY: the driver has opened it for the caller.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }

    /// The driver keeps a descriptor of its own.
    pub(super) fn import_physical(&self, descriptor: OwnedFd) -> Result<PhysicalId, GpuError> {
        let mut pages = 0;
        let number = usize::try_from(descriptor.as_raw_fd()).unwrap_or_default();
        // SAFETY: the descriptor is open; it is passed as if it were an address.
        self.ask(|api| unsafe {
            api.import_physical(&mut pages, without_provenance_mut(number), DESCRIPTOR.0)
        })?;
        Ok(PhysicalId(pages))
    }

    /// Pages of this device that other processes may import.
    fn pages(&self) -> CUmemAllocationProp {
        CUmemAllocationProp {
            type_: CUmemAllocationType::CU_MEM_ALLOCATION_TYPE_PINNED,
            requestedHandleTypes: DESCRIPTOR,
            location: self.location(),
            win32HandleMetaData: null_mut(),
            allocFlags: CUmemAllocationProp_st__bindgen_ty_1 {
                compressionType: 0,
                gpuDirectRDMACapable: 0,
                usage: 0,
                reserved: [0; 4],
            },
        }
    }

    fn location(&self) -> CUmemLocation {
        CUmemLocation { type_: CUmemLocationType::CU_MEM_LOCATION_TYPE_DEVICE, id: self.device }
    }
}
