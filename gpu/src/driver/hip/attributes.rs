//! What HIP tells of a device.
//!
//! The numbers are those of `hipDeviceAttribute_t`. They were renumbered in 5.0, and are alike
//! from 5.2 to 7; later ones are unknown to the older drivers, which refuse them.

use std::ffi::{CStr, c_int};

use super::super::Attributes;
use super::{Current, VERSION_6};
use crate::GpuError;

const CAN_MAP_HOST_MEMORY: c_int = 3;
const HOST_POINTER_FOR_REGISTERED: c_int = 4;
const CONCURRENT_MANAGED_ACCESS: c_int = 9;
const HOST_NATIVE_ATOMICS: c_int = 15;
const MANAGED_MEMORY: c_int = 24;
const MEMORY_POOLS: c_int = 88;
const VIRTUAL_MEMORY: c_int = 89;
const HOST_REGISTER: c_int = 90;

impl Current<'_> {
    pub(super) fn attributes(&self) -> Result<Attributes, GpuError> {
        let has = |attribute| self.attribute(attribute) == Some(true);
        let register = self.attribute(HOST_REGISTER);
        Ok(Attributes {
            name: self.name()?,
            total: self.total()?,
            managed: has(MANAGED_MEMORY),
            concurrent_managed: has(CONCURRENT_MANAGED_ACCESS),
            register: register.unwrap_or_else(|| has(CAN_MAP_HOST_MEMORY)),
            // Its flag for that is ignored; the bit means coarse-grained memory on AMD's devices.
            register_read_only: false,
            register_same_address: has(HOST_POINTER_FOR_REGISTERED),
            host_atomics: has(HOST_NATIVE_ATOMICS),
            ipc: true,
            stream_ordered: has(MEMORY_POOLS),
            map_granularity: self.map_granularity(has(VIRTUAL_MEMORY)),
        })
    }

    /// Whether a device has something; `None` if the driver does not know what that is.
    fn attribute(&self, attribute: c_int) -> Option<bool> {
        let mut value = 0;
        self.hip.table.attribute(&mut value, attribute, self.device as c_int).ok()?;
        Some(value != 0)
    }

    fn map_granularity(&self, supported: bool) -> Option<usize> {
        let usable = supported && self.hip.version >= VERSION_6;
        usable.then(|| self.granularity().ok()).flatten().filter(|bytes| *bytes > 0)
    }

    fn name(&self) -> Result<String, GpuError> {
        let mut name = [0_u8; 256];
        let bytes = name.len() as c_int;
        // SAFETY: there is room for so many bytes.
        let asked =
            unsafe { self.hip.table.name(name.as_mut_ptr().cast(), bytes, self.device as c_int) };
        self.said(asked)?;
        let name = CStr::from_bytes_until_nul(&name).unwrap_or_default();
        Ok(name.to_string_lossy().into_owned())
    }

    fn total(&self) -> Result<usize, GpuError> {
        let mut bytes = 0;
        self.said(self.hip.table.total(&mut bytes, self.device as c_int))?;
        Ok(bytes)
    }
}
