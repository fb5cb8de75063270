//! Blocks in other processes.

use std::ffi::c_uint;

use super::super::IpcBytes;
use super::table::{IpcHandle, Word};
use super::{Current, VERSION_6, some};
use crate::GpuError;

impl Current<'_> {
    pub(super) fn export(&self, base: u64) -> Result<IpcBytes, GpuError> {
        let mut handle = IpcHandle([0; 64]);
        self.said(self.hip.table.export(&mut handle, base as Word))?;
        Ok(handle.0)
    }

    /// # Safety
    ///
    /// As [`Driver::open`](super::super::Driver::open).
    pub(super) unsafe fn open(&self, handle: &IpcBytes) -> Result<u64, GpuError> {
        // `hipIpcMemLazyEnablePeerAccess`, the only value that is taken.
        let flags = c_uint::from(self.hip.version >= VERSION_6);
        let mut address = 0;
        // SAFETY: the caller's.
        let opened = unsafe { self.hip.table.open(&mut address, IpcHandle(*handle), flags) };
        self.said(opened)?;
        some("hipIpcOpenMemHandle", address)
    }
}
