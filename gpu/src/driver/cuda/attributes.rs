//! What is known of a device.

use std::ffi::{CStr, c_int};

use super::context::Current;
use crate::GpuError;
use crate::driver::Attributes;

/// CUDA's numbers of what a device can do.
const UNIFIED_ADDRESSING: u32 = 41;
const MANAGED_MEMORY: u32 = 83;
const HOST_NATIVE_ATOMIC: u32 = 86;
const CONCURRENT_MANAGED_ACCESS: u32 = 89;
const HOST_POINTER_FOR_REGISTERED: u32 = 91;
const HOST_REGISTER: u32 = 99;
const VIRTUAL_MEMORY: u32 = 102;
const READ_ONLY_HOST_REGISTER: u32 = 113;
const MEMORY_POOLS: u32 = 115;
/// Of blocks as well, though it is called after events.
const IPC: u32 = 125;

/// The driver that has memory pools.
const POOLS_SINCE: u32 = 11_020;

impl Current<'_> {
    pub(super) fn attributes(&self) -> Result<Attributes, GpuError> {
        let mut total = 0;
        self.ask(|api| api.device_total(&mut total, self.device))?;
        let map_granularity =
            if self.can(VIRTUAL_MEMORY) { Some(self.granularity()?) } else { None };
        Ok(Attributes {
            name: self.name()?,
            total,
            managed: self.can(MANAGED_MEMORY),
            concurrent_managed: self.can(CONCURRENT_MANAGED_ACCESS),
            register: self.can(HOST_REGISTER),
            register_read_only: self.can_register_read_only(),
            register_same_address: self.can(HOST_POINTER_FOR_REGISTERED),
            host_atomics: self.can(HOST_NATIVE_ATOMIC),
            ipc: self.asked(IPC).unwrap_or_else(|| self.can(UNIFIED_ADDRESSING)),
            stream_ordered: self.cuda.version >= POOLS_SINCE && self.can(MEMORY_POOLS),
            map_granularity,
        })
    }

    /// That read-only pages can be registered.
    pub(super) fn can_register_read_only(&self) -> bool {
        self.can(READ_ONLY_HOST_REGISTER)
    }

    /// Whether the device can do that; drivers that do not know the word know no such device.
    fn can(&self, attribute: u32) -> bool {
        self.asked(attribute).unwrap_or(false)
    }

    /// Whether the device can do that, if the driver knows the word.
    fn asked(&self, attribute: u32) -> Option<bool> {
        let mut value = 0;
        let answer = self.cuda.api.device_attribute(&mut value, attribute, self.device);
        answer.is_ok().then_some(value != 0)
    }

    fn name(&self) -> Result<String, GpuError> {
        let mut name = [0; 256];
        let bytes = c_int::try_from(name.len()).unwrap_or_default();
        let to = name.as_mut_ptr();
        // SAFETY: there are that many bytes.
        self.ask(|api| unsafe { api.device_name(to, bytes, self.device) })?;
        let bytes = name.map(|byte| byte as u8);
        let name = CStr::from_bytes_until_nul(&bytes).unwrap_or_default();
        Ok(name.to_string_lossy().into_owned())
    }
}
