//! What HIP tells of a device.
//!
//! The numbers are those of `hipDeviceAttribute_t`. They were renumbered in 5.0, and are alike
//! from 5.2 to 7; later ones are unknown to the older drivers, which refuse them.

use std::ffi::{CStr, c_int};

use super::super::Attributes;
use super::{HipDriver, VERSION_6};
use crate::GpuError;

const CAN_MAP_HOST_MEMORY: c_int = 3;
const HOST_POINTER_FOR_REGISTERED: c_int = 4;
const CONCURRENT_MANAGED_ACCESS: c_int = 9;
const HOST_NATIVE_ATOMICS: c_int = 15;
const MANAGED_MEMORY: c_int = 24;
const MEMORY_POOLS: c_int = 88;
const VIRTUAL_MEMORY: c_int = 89;
const HOST_REGISTER: c_int = 90;

impl HipDriver {
    pub(super) fn attributes_of(&self, device: u32) -> Result<Attributes, GpuError> {
        let has = |attribute| self.attribute(device, attribute) == Some(true);
        let register = self.attribute(device, HOST_REGISTER);
        Ok(Attributes {
            name: self.name(device)?,
            total: self.total(device)?,
            managed: has(MANAGED_MEMORY),
            concurrent_managed: has(CONCURRENT_MANAGED_ACCESS),
            register: register.unwrap_or_else(|| has(CAN_MAP_HOST_MEMORY)),
            register_same_address: has(HOST_POINTER_FOR_REGISTERED),
            host_atomics: has(HOST_NATIVE_ATOMICS),
            ipc: true,
            stream_ordered: has(MEMORY_POOLS),
            map_granularity: self.map_granularity(device, has(VIRTUAL_MEMORY)),
        })
    }

    /// Whether a device has something; `None` if the driver does not know what that is.
    fn attribute(&self, device: u32, attribute: c_int) -> Option<bool> {
        let mut value = 0;
        self.table.attribute(&mut value, attribute, device as c_int).ok()?;
        Some(value != 0)
    }

    fn map_granularity(&self, device: u32, supported: bool) -> Option<usize> {
        let usable = supported && self.version >= VERSION_6;
        usable.then(|| self.granularity(device).ok()).flatten().filter(|bytes| *bytes > 0)
    }

    fn name(&self, device: u32) -> Result<String, GpuError> {
        let mut name = [0_u8; 256];
        let bytes = name.len() as c_int;
        // SAFETY: there is room for so many bytes.
        let asked = unsafe { self.table.name(name.as_mut_ptr().cast(), bytes, device as c_int) };
        self.on(device, asked)?;
        let name = CStr::from_bytes_until_nul(&name).unwrap_or_default();
        Ok(name.to_string_lossy().into_owned())
    }

    fn total(&self, device: u32) -> Result<usize, GpuError> {
        let mut bytes = 0;
        self.on(device, self.table.total(&mut bytes, device as c_int))?;
        Ok(bytes)
    }
}
