//! Code for the device.

use std::ffi::{CString, c_void};
use std::ptr::null_mut;

use super::context::Current;
use super::errors::NOT_FOUND;
use crate::GpuError;
use crate::driver::{FunctionId, Launch, ModuleId};

impl Current<'_> {
    /// Loads PTX text, which need not end with a zero, or binary code.
    pub(super) fn load(&self, code: &[u8]) -> Result<ModuleId, GpuError> {
        let mut ended = Vec::with_capacity(code.len() + 1);
        ended.extend_from_slice(code);
        ended.push(0);
        let mut module = 0;
        // SAFETY: text ends with a zero, and binary code tells its length.
        self.ask(|api| unsafe { api.module_load(&mut module, ended.as_ptr().cast()) })?;
        Ok(ModuleId(module))
    }

    /// # Safety
    ///
    /// As [`Driver::unload`](crate::driver::Driver::unload).
    pub(super) unsafe fn unload(&self, module: ModuleId) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.module_unload(module.0) })
    }

    pub(super) fn function(&self, module: ModuleId, name: &str) -> Result<FunctionId, GpuError> {
        let nowhere = GpuError::Driver { function: "cuModuleGetFunction", code: NOT_FOUND };
        let name = CString::new(name).map_err(|_| nowhere)?;
        let mut function = 0;
        // SAFETY: modules are known by those alone who have them; the name ends with a zero.
        self.ask(|api| unsafe { api.module_function(&mut function, module.0, name.as_ptr()) })?;
        Ok(FunctionId(function))
    }

    /// # Safety
    ///
    /// As [`Driver::launch`](crate::driver::Driver::launch).
    pub(super) unsafe fn launch(
        &self,
        function: FunctionId,
        Launch { blocks, threads, shared_bytes, stream }: Launch,
        arguments: &[*const c_void],
    ) -> Result<(), GpuError> {
        // CUDA reads the arguments before it returns, and writes none.
        let arguments = arguments.as_ptr().cast_mut().cast();
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe {
            api.launch(
                function.0,
                blocks,
                1,
                1,
                threads,
                1,
                1,
                shared_bytes,
                stream.0,
                arguments,
                null_mut(),
            )
        })
    }
}
