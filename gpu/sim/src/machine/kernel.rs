//! Code, and the kernels of it.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Arc;

use super::{Device, Stream, lock};
use crate::command::Command;
use crate::program::{Grid, Kernel, Program};
use crate::{Call, SimError};

/// Code that was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Module(u64);

/// A kernel of loaded code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Function(u64);

impl Module {
    /// Its number: no other code of the machine has had it.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The code of that number, if there is some.
    pub fn of(number: u64) -> Self {
        Self(number)
    }
}

impl Function {
    /// Its number: no other kernel of the machine has had it.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The kernel of that number, if there is one.
    pub fn of(number: u64) -> Self {
        Self(number)
    }
}

/// What was loaded, by number.
#[derive(Debug, Default)]
pub(super) struct Modules {
    programs: HashMap<u64, Arc<dyn Program>>,
    kernels: HashMap<u64, Found>,
}

/// A kernel that somebody has asked for.
#[derive(Debug, Clone)]
struct Found {
    module: u64,
    program: Arc<dyn Program>,
    kernel: Kernel,
}

impl Device<'_> {
    /// Loads code.
    ///
    /// # Errors
    ///
    /// [`SimError::Code`] if it is not what the device runs, [`SimError::Unsupported`] if
    /// that is nothing.
    pub fn load(self, code: &[u8]) -> Result<Module, SimError> {
        self.enter(Call::Load)?;
        let loader = self.machine.options.loader;
        let program = loader.ok_or(SimError::Unsupported { what: "kernels" })?(code)?;
        let number = self.machine.number();
        lock(&self.machine.modules).programs.insert(number, program);
        Ok(Module(number))
    }

    /// Gives code back, and all of its kernels.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] module.
    pub fn unload(self, module: Module) -> Result<(), SimError> {
        self.enter(Call::Unload)?;
        let mut modules = lock(&self.machine.modules);
        modules.kernels.retain(|_, it| it.module != module.0);
        modules.programs.remove(&module.0).map(drop).ok_or(NO_MODULE)
    }

    /// A kernel of loaded code, by its name.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] module or kernel.
    pub fn function(self, module: Module, name: &str) -> Result<Function, SimError> {
        self.enter(Call::FindFunction)?;
        let number = self.machine.number();
        let mut modules = lock(&self.machine.modules);
        let program = modules.programs.get(&module.0).cloned().ok_or(NO_MODULE)?;
        let kernel = program.kernel(name).ok_or(NO_KERNEL)?;
        modules.kernels.insert(number, Found { module: module.0, program, kernel });
        Ok(Function(number))
    }

    /// How many bytes each parameter of a kernel is.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] kernel.
    pub fn parameters(self, function: Function) -> Result<Vec<usize>, SimError> {
        self.enter(Call::Ask)?;
        self.found(function).map(|it| it.kernel.parameters)
    }

    /// Runs a kernel in the order of a stream. Its arguments are read before this returns.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] kernel or stream, [`SimError::Invalid`] if there are not as many
    /// arguments as the kernel has parameters, or no threads.
    ///
    /// # Safety
    ///
    /// Each argument can be read, as many bytes as the kernel's parameter is; and nobody else
    /// uses what the kernel does until it is done, but by atomics.
    pub unsafe fn launch(
        self,
        function: Function,
        grid: Grid,
        stream: Stream,
        arguments: &[*const c_void],
    ) -> Result<(), SimError> {
        self.enter(Call::Launch)?;
        let Found { program, kernel, .. } = self.found(function)?;
        if kernel.parameters.len() != arguments.len() {
            return Err(SimError::Invalid { what: "number of arguments" });
        }
        if grid.blocks.contains(&0) || grid.threads.contains(&0) {
            return Err(SimError::Invalid { what: "number of threads" });
        }
        let of = |(&at, &bytes): (&*const c_void, &usize)| {
            // SAFETY: as the caller promises.
            unsafe { std::slice::from_raw_parts(at.cast::<u8>(), bytes) }.to_vec()
        };
        let arguments = arguments.iter().zip(&kernel.parameters).map(of).collect();
        let command = Command::Launch { program, kernel: kernel.number, grid, arguments };
        self.ask(stream, command).map(drop)
    }

    fn found(self, function: Function) -> Result<Found, SimError> {
        lock(&self.machine.modules).kernels.get(&function.0).cloned().ok_or(NO_KERNEL)
    }
}

const NO_MODULE: SimError = SimError::NoSuch { what: "module" };
const NO_KERNEL: SimError = SimError::NoSuch { what: "kernel" };
