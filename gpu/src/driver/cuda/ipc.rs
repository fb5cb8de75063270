//! Blocks of other processes.

use cudarc::driver::sys::CUipcMemHandle;

use super::context::Current;
use super::errors::{INVALID_CONTEXT, on_device};
use crate::GpuError;
use crate::driver::IpcBytes;

/// Reach another device's block as peers do.
const LAZY_PEER_ACCESS: u32 = 1;

impl Current<'_> {
    pub(super) fn export(&self, base: u64) -> Result<IpcBytes, GpuError> {
        let mut handle = CUipcMemHandle { reserved: [0; 64] };
        self.ask(|api| api.ipc_export(&mut handle, base))?;
        Ok(handle.reserved.map(|byte| byte as u8))
    }

    /// # Safety
    ///
    /// As [`Driver::open`](crate::driver::Driver::open).
    pub(super) unsafe fn open(&self, handle: &IpcBytes) -> Result<u64, GpuError> {
        let handle = CUipcMemHandle { reserved: handle.map(|byte| byte as _) };
        let mut address = 0;
        // SAFETY: passed on from the caller.
        match unsafe { self.cuda.api.ipc_open(&mut address, handle, LAZY_PEER_ACCESS) } {
            Ok(()) => Ok(address),
            // Here this means that the block is of this very process; the context is well.
            Err(refusal) if refusal.code() == Some(INVALID_CONTEXT) => {
                Err(GpuError::Driver { function: "cuIpcOpenMemHandle_v2", code: INVALID_CONTEXT })
            }
            Err(refusal) => Err(on_device(self.number, refusal)),
        }
    }

    /// # Safety
    ///
    /// As [`Driver::close`](crate::driver::Driver::close).
    pub(super) unsafe fn close(&self, address: u64) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.ipc_close(address) })
    }
}
