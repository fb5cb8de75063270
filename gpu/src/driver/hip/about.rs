//! What is known of an address.

use std::ffi::c_int;

use anymem::provider::MemoryKind;

use super::super::About;
use super::table::Word;
use super::{Current, VERSION_6};
use crate::GpuError;

/// `hipPointer_attribute`.
const MEMORY_TYPE: c_int = 2;
const BUFFER_ID: c_int = 7;
const IS_MANAGED: c_int = 8;
const DEVICE_ORDINAL: c_int = 9;

impl Current<'_> {
    /// What is known of an address, of whichever device it is.
    pub(super) fn about(&self, address: u64) -> Result<Option<About>, GpuError> {
        let (start, bytes) = match self.base_of(address) {
            Err(GpuError::WrongAddress { .. }) => return Ok(None),
            answer => answer?,
        };
        let Some(owner) = self.pointer(MEMORY_TYPE, address) else { return Ok(None) };
        let device = self.pointer(DEVICE_ORDINAL, address).map(|number| number as u32);
        // Version 6 gave these other numbers: there 0 is memory that it does not know.
        let host = u64::from(self.hip.version >= VERSION_6);
        let (kind, device) = match owner {
            _ if self.pointer(IS_MANAGED, address) > Some(0) => (MemoryKind::Managed, device),
            _ if owner < host => return Ok(None),
            _ if owner == host => (MemoryKind::Host, None),
            _ => (MemoryKind::Device, device),
        };
        Ok(Some(About { kind, device, start, bytes, id: self.pointer(BUFFER_ID, address) }))
    }

    /// One thing of an address; `None` if the driver does not tell.
    fn pointer(&self, attribute: c_int, address: u64) -> Option<u64> {
        // What is narrower than a word fills its lower bytes.
        let mut value = 0_u64;
        let to = (&raw mut value).cast();
        // SAFETY: none of these is more than a word.
        unsafe { self.hip.table.about(to, attribute, address as Word) }.ok()?;
        Some(value)
    }
}
