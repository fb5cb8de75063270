//! What Level Zero tells of a device.

use super::super::Attributes;
use super::At;
use super::structures::MemoryAccess;
use crate::GpuError;

/// `ZE_MEMORY_ACCESS_CAP_FLAG_RW`.
const ACCESS: u32 = 1;
/// `ZE_MEMORY_ACCESS_CAP_FLAG_CONCURRENT`.
const CONCURRENT: u32 = 4;
/// `ZE_MEMORY_ACCESS_CAP_FLAG_CONCURRENT_ATOMIC`.
const CONCURRENT_ATOMIC: u32 = 8;

impl At<'_> {
    pub(super) fn attributes(self) -> Result<Attributes, GpuError> {
        let mut access = MemoryAccess::NEW;
        // SAFETY: the device is the card's.
        self.said(unsafe { self.table.access(self.card.device, &mut access) })?;
        Ok(Attributes {
            name: self.card.name.clone(),
            total: self.card.total,
            managed: access.shared & ACCESS != 0,
            concurrent_managed: access.shared & CONCURRENT != 0,
            register: self.card.register,
            // Its flag for that is newer than the extension that registers.
            register_read_only: false,
            register_same_address: self.card.register,
            host_atomics: access.host & CONCURRENT_ATOMIC != 0,
            ipc: self.card.ipc,
            stream_ordered: false,
            map_granularity: self.granularity().ok().filter(|bytes| *bytes > 0),
        })
    }
}
