//! Addresses without pages, and pages without addresses.
//!
//! Level Zero does not hand such pages to other processes.

use super::super::PhysicalId;
use super::structures::PhysicalDesc;
use super::table::Word;
use super::{At, some};
use crate::GpuError;

/// `ZE_MEMORY_ACCESS_ATTRIBUTE_READWRITE`.
const READ_WRITE: u32 = 1;
/// The page size depends on how much is reserved; what is as large as this gets the largest.
const LARGE: usize = 2 << 20;

impl At<'_> {
    /// Bytes that addresses and pages come in multiples of.
    pub(super) fn granularity(self) -> Result<usize, GpuError> {
        let mut page = 0;
        // SAFETY: the context and the device are the card's.
        let asked =
            unsafe { self.table.page_size(self.card.context, self.card.device, LARGE, &mut page) };
        self.said(asked).map(|()| page)
    }

    pub(super) fn reserve(self, bytes: usize) -> Result<u64, GpuError> {
        let mut address = 0;
        // SAFETY: the context is the card's, and any address will do.
        let reserved = unsafe { self.table.reserve(self.card.context, 0, bytes, &mut address) };
        self.allocated(bytes, reserved)?;
        some("zeVirtualMemReserve", address)
    }

    pub(super) fn create_physical(self, bytes: usize) -> Result<PhysicalId, GpuError> {
        let desc = PhysicalDesc { bytes, ..PhysicalDesc::NEW };
        let (context, device, mut pages) = (self.card.context, self.card.device, 0);
        // SAFETY: the context and the device are the card's.
        let made = unsafe { self.table.create_physical(context, device, &desc, &mut pages) };
        self.allocated(bytes, made)?;
        some("zePhysicalMemCreate", pages).map(PhysicalId)
    }

    /// # Safety
    ///
    /// As [`Driver::map`](super::super::Driver::map).
    pub(super) unsafe fn map(
        self,
        address: Word,
        bytes: usize,
        pages: Word,
    ) -> Result<(), GpuError> {
        let context = self.card.context;
        // SAFETY: the caller's.
        let mapped = unsafe { self.table.map(context, address, bytes, pages, 0, READ_WRITE) };
        self.said(mapped)
    }

    /// # Safety
    ///
    /// As [`Driver::release`](super::super::Driver::release).
    pub(super) unsafe fn release(self, address: Word, bytes: usize) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.given_back(unsafe { self.table.release(self.card.context, address, bytes) })
    }

    /// # Safety
    ///
    /// As [`Driver::destroy_physical`](super::super::Driver::destroy_physical).
    pub(super) unsafe fn destroy_physical(self, pages: Word) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.given_back(unsafe { self.table.destroy_physical(self.card.context, pages) })
    }

    /// # Safety
    ///
    /// As [`Driver::unmap`](super::super::Driver::unmap).
    pub(super) unsafe fn unmap(self, address: Word, bytes: usize) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.given_back(unsafe { self.table.unmap(self.card.context, address, bytes) })
    }

    pub(super) fn no_descriptors<T>(self) -> Result<T, GpuError> {
        let what = "descriptors of physical memory";
        Err(GpuError::Unsupported { device: self.number, what })
    }
}
