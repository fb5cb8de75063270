//! Code, and the kernels of it.

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use super::{Device, Stream, lock};
use crate::command::Command;
use crate::ptx::{self, Grid};
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
    codes: HashMap<u64, Arc<ptx::Module>>,
    kernels: HashMap<u64, Kernel>,
}

/// A kernel that somebody has asked for.
#[derive(Debug, Clone)]
struct Kernel {
    module: u64,
    code: Arc<ptx::Module>,
    name: String,
    /// Bytes of each.
    parameters: Vec<usize>,
}

/// Threads of a block at most.
const MOST_THREADS: u32 = 1024;

impl Device<'_> {
    /// Loads code: PTX text.
    ///
    /// # Errors
    ///
    /// [`SimError::Code`] if it is not what the device runs.
    pub fn load(self, code: &[u8]) -> Result<Module, SimError> {
        self.enter(Call::Load)?;
        let text = str::from_utf8(code).map_err(|_| SimError::Invalid { what: "text" })?;
        let code = ptx::Module::parse(text)?;
        let number = self.machine.number();
        lock(&self.machine.modules).codes.insert(number, Arc::new(code));
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
        modules.codes.remove(&module.0).map(drop).ok_or(NO_MODULE)
    }

    /// A kernel of loaded code, by its name.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] module, [`SimError::NoSuchKernel`].
    pub fn function(self, module: Module, name: &str) -> Result<Function, SimError> {
        self.enter(Call::FindFunction)?;
        let number = self.machine.number();
        let mut modules = lock(&self.machine.modules);
        let code = modules.codes.get(&module.0).cloned().ok_or(NO_MODULE)?;
        let parameters = code.kernel(name).ok_or(SimError::NoSuchKernel)?.arguments().collect();
        let kernel = Kernel { module: module.0, code, name: name.to_owned(), parameters };
        modules.kernels.insert(number, kernel);
        Ok(Function(number))
    }

    /// How many arguments a kernel takes.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] kernel.
    pub fn parameters(self, function: Function) -> Result<usize, SimError> {
        self.enter(Call::Ask)?;
        self.kernel(function).map(|it| it.parameters.len())
    }

    /// Runs a kernel in the order of a stream. Its arguments are read before this returns.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] kernel or stream, [`SimError::Invalid`] for no threads, or for
    /// more than 1024 in a block, or if the kernel takes another number of arguments.
    ///
    /// # Safety
    ///
    /// Each argument can be read, as many bytes as the kernel's parameter is. What the kernel touches is there until it is done, and
    /// nobody else uses it meanwhile but by atomics.
    pub unsafe fn launch(
        self,
        function: Function,
        grid: Grid,
        stream: Stream,
        arguments: &[*const c_void],
    ) -> Result<(), SimError> {
        self.enter(Call::Launch)?;
        let Kernel { code, name, parameters, .. } = self.kernel(function)?;
        if grid.blocks == 0 || grid.threads == 0 || grid.threads > MOST_THREADS {
            return Err(SimError::Invalid { what: "number of threads" });
        }
        if arguments.len() != parameters.len() {
            return Err(SimError::Invalid { what: "number of arguments" });
        }
        let read = |(&from, &bytes): (&*const c_void, &usize)| {
            let mut word = [0; 8];
            // SAFETY: as the caller promises; parameters are words, or halves.
            unsafe { ptr::copy_nonoverlapping(from.cast(), word.as_mut_ptr(), bytes) };
            u64::from_le_bytes(word)
        };
        let arguments = arguments.iter().zip(&parameters).map(read).collect();
        self.ask(stream, Command::Launch { code, kernel: name, grid, arguments }).map(drop)
    }

    fn kernel(self, function: Function) -> Result<Kernel, SimError> {
        lock(&self.machine.modules).kernels.get(&function.0).cloned().ok_or(NO_KERNEL)
    }
}

const NO_MODULE: SimError = SimError::NoSuch { what: "module" };
const NO_KERNEL: SimError = SimError::NoSuch { what: "kernel" };
