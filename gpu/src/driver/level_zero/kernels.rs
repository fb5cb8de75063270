//! Code for Intel's devices.

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::ptr;
use std::sync::{MutexGuard, PoisonError};

use super::super::{FunctionId, Launch, ModuleId};
use super::errors::{INVALID_KERNEL_NAME, INVALID_NATIVE_BINARY};
use super::structures::{Groups, KernelDesc, ModuleDesc};
use super::table::Word;
use super::{At, some};
use crate::GpuError;

/// What SPIR-V begins with, in either order of bytes.
const SPIR_V: [[u8; 4]; 2] = [0x0723_0203_u32.to_le_bytes(), 0x0723_0203_u32.to_be_bytes()];
/// `ZE_MODULE_FORMAT_NATIVE`; 0 is SPIR-V.
const NATIVE: u32 = 1;
/// What kernels reach by addresses in memory: host, device and shared blocks.
const INDIRECT: u32 = 7;

impl At<'_> {
    /// Loads SPIR-V, or the device's own code.
    pub(super) fn load(self, code: &[u8]) -> Result<ModuleId, GpuError> {
        let function = "zeModuleCreate";
        if code.is_empty() {
            return Err(GpuError::Driver { function, code: INVALID_NATIVE_BINARY });
        }
        let spir_v = SPIR_V.iter().any(|magic| code.starts_with(magic));
        let format = if spir_v { 0 } else { NATIVE };
        let desc = ModuleDesc { format, bytes: code.len(), code: code.as_ptr(), ..ModuleDesc::NEW };
        let (context, device, mut module) = (self.card.context, self.card.device, 0);
        // SAFETY: the context and the device are the card's, and the code is there. No log of
        // what the compiler says is asked for.
        let loaded =
            unsafe { self.table.load_module(context, device, &desc, &mut module, ptr::null_mut()) };
        self.said(loaded)?;
        some(function, module).map(ModuleId)
    }

    /// Gives code back, and its kernels first.
    ///
    /// # Safety
    ///
    /// As [`Driver::unload`](super::super::Driver::unload).
    pub(super) unsafe fn unload(self, module: Word) -> Result<(), GpuError> {
        for kernel in self.kernels().remove(&module).unwrap_or_default() {
            // SAFETY: the caller's.
            self.given_back(unsafe { self.table.destroy_kernel(kernel) })?;
        }
        // SAFETY: the caller's.
        self.given_back(unsafe { self.table.unload(module) })
    }

    pub(super) fn function(self, module: Word, name: &str) -> Result<FunctionId, GpuError> {
        let function = "zeKernelCreate";
        let name = CString::new(name)
            .map_err(|_| GpuError::Driver { function, code: INVALID_KERNEL_NAME })?;
        let desc = KernelDesc { name: name.as_ptr(), ..KernelDesc::NEW };
        let mut kernel = 0;
        // SAFETY: the module is the driver's, and the name is there.
        self.said(unsafe { self.table.create_kernel(module, &desc, &mut kernel) })?;
        some(function, kernel)?;
        self.kernels().entry(module).or_default().push(kernel);
        // SAFETY: the kernel was just made.
        self.said(unsafe { self.table.indirect_access(kernel, INDIRECT) })?;
        Ok(FunctionId(kernel as u64))
    }

    /// # Safety
    ///
    /// As [`Driver::launch`](super::super::Driver::launch).
    pub(super) unsafe fn launch(
        self,
        kernel: Word,
        launch: Launch,
        arguments: &[*const c_void],
    ) -> Result<(), GpuError> {
        if launch.shared_bytes > 0 {
            let what = "shared memory that is not an argument of the kernel";
            return Err(GpuError::Unsupported { device: self.number, what });
        }
        let (blocks, threads) = (Groups([launch.blocks, 1, 1]), Groups([launch.threads, 1, 1]));
        self.append(launch.stream, |list| {
            let (arguments, next, events) = (arguments.as_ptr(), ptr::null(), ptr::null());
            // SAFETY: the caller's. A kernel's arguments are set by one thread at a time, for
            // the lists are locked.
            unsafe {
                self.table.launch(list, kernel, blocks, threads, arguments, next, 0, 0, events)
            }
        })
    }

    fn kernels(&self) -> MutexGuard<'_, HashMap<Word, Vec<Word>>> {
        self.card.kernels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
