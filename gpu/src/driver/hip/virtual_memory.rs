//! HIP's addresses without pages, and pages without addresses.
//!
//! `hipMemAllocationProp` got its present form after 5.2, which has the functions but refuses
//! all of them; so they are used from version 6 on.

use std::ffi::{c_int, c_void};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::super::PhysicalId;
use super::table::Word;
use super::{Current, VERSION_6, VERSION_7_1, nothing, some};
use crate::GpuError;

/// `hipMemAllocationTypePinned`.
const PINNED: c_int = 1;
/// `hipMemLocationTypeDevice`.
const ON_DEVICE: c_int = 1;
/// `hipMemHandleTypePosixFileDescriptor`.
const DESCRIPTOR: c_int = 1;
/// `hipMemAccessFlagsProtReadWrite`.
const READ_WRITE: c_int = 3;
/// `hipMemAllocationGranularityMinimum`.
const MINIMUM: c_int = 0;

/// `hipMemLocation`.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Location {
    kind: c_int,
    device: c_int,
}

/// `hipMemAllocationProp`.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Properties {
    kind: c_int,
    handles: c_int,
    location: Location,
    win32: Word,
    compression: u8,
    remote_access: u8,
    usage: u16,
}

/// `hipMemAccessDesc`.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Access {
    location: Location,
    flags: c_int,
}

impl Location {
    fn of(device: u32) -> Self {
        Self { kind: ON_DEVICE, device: device as c_int }
    }
}

impl Properties {
    fn of(device: u32) -> Self {
        let location = Location::of(device);
        Self {
            kind: PINNED,
            handles: DESCRIPTOR,
            location,
            win32: 0,
            compression: 0,
            remote_access: 0,
            usage: 0,
        }
    }
}

impl Current<'_> {
    /// Bytes that addresses and pages come in multiples of.
    pub(super) fn granularity(&self) -> Result<usize, GpuError> {
        if self.hip.version < VERSION_6 {
            return Err(GpuError::Unsupported {
                device: self.device,
                what: "virtual memory management",
            });
        }
        let mut bytes = 0;
        let asked = self.hip.table.granularity(&mut bytes, &Properties::of(self.device), MINIMUM);
        self.said(asked).map(|()| bytes)
    }

    pub(super) fn reserve(&self, bytes: usize) -> Result<u64, GpuError> {
        let alignment = self.granularity()?;
        let mut address = 0;
        self.allocated(bytes, self.hip.table.reserve(&mut address, bytes, alignment, 0, 0))?;
        some("hipMemAddressReserve", address)
    }

    pub(super) fn create_physical(&self, bytes: usize) -> Result<PhysicalId, GpuError> {
        self.granularity()?;
        let mut pages = 0;
        let made =
            self.hip.table.create_physical(&mut pages, bytes, &Properties::of(self.device), 0);
        self.allocated(bytes, made)?;
        some("hipMemCreate", pages).map(PhysicalId)
    }

    /// Maps pages and lets the device use them; if that fails, nothing is mapped.
    ///
    /// # Safety
    ///
    /// As [`Driver::map`](super::super::Driver::map).
    pub(super) unsafe fn map(
        &self,
        address: u64,
        bytes: usize,
        pages: PhysicalId,
    ) -> Result<(), GpuError> {
        let address = address as Word;
        // SAFETY: the caller's.
        self.said(unsafe { self.hip.table.map(address, bytes, 0, pages.0 as Word, 0) })?;
        let access = Access { location: Location::of(self.device), flags: READ_WRITE };
        // SAFETY: just mapped.
        let allowed = unsafe { self.hip.table.set_access(address, bytes, &access, 1) };
        if allowed.is_err() {
            // SAFETY: just mapped, and nobody knows. What failed first is what is said.
            let _ = unsafe { self.hip.table.unmap(address, bytes) };
        }
        self.said(allowed)
    }

    pub(super) fn export_physical(&self, pages: PhysicalId) -> Result<OwnedFd, GpuError> {
        let mut descriptor = -1;
        // SAFETY: the pages are the driver's; a number that is none is refused.
        let exported = unsafe {
            self.hip.table.export_physical(&mut descriptor, pages.0 as Word, DESCRIPTOR, 0)
        };
        self.said(exported)?;
        if descriptor < 0 {
            return Err(nothing("hipMemExportToShareableHandle"));
        }
        // SAFETY: the driver made it for the caller.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }

    /// The driver makes a descriptor of its own; until 7.1 it took the number's address.
    pub(super) fn import_physical(&self, descriptor: &OwnedFd) -> Result<PhysicalId, GpuError> {
        self.granularity()?;
        let number = descriptor.as_raw_fd();
        let by_address: *const c_void = (&raw const number).cast();
        let by_value: *const c_void = std::ptr::without_provenance(number as usize);
        let handle = if self.hip.version < VERSION_7_1 { by_address } else { by_value };
        let mut pages = 0;
        // SAFETY: the number is there, and is given in the form that this version reads.
        let imported = unsafe { self.hip.table.import_physical(&mut pages, handle, DESCRIPTOR) };
        self.said(imported)?;
        some("hipMemImportFromShareableHandle", pages).map(PhysicalId)
    }
}

const _: () = assert!(size_of::<Properties>() == 32 && size_of::<Access>() == 12);
