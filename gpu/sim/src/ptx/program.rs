//! PTX as what a device of a machine runs.

use std::sync::Arc;

use super::{Fault, LaunchError, Limits, Module, PtxError, Reason};
use crate::{Grid, Kernel, Program, SimError, Trap, View};

/// Makes a program of PTX text: what a machine's [loader](crate::Options::loader) is, unless
/// told otherwise.
///
/// # Errors
///
/// [`SimError::Code`] for what [`Module::parse`] does not know.
pub fn load(code: &[u8]) -> Result<Arc<dyn Program>, SimError> {
    let not_text = |_| SimError::Code { line: 0, what: "it is no text, so no PTX".into() };
    let wrong = |PtxError { line, what }| SimError::Code { line, what: what.to_string() };
    let module = Module::parse(str::from_utf8(code).map_err(not_text)?).map_err(wrong)?;
    Ok(Arc::new(module))
}

impl Program for Module {
    fn kernel(&self, name: &str) -> Option<Kernel> {
        let number = self.number(name)?;
        Some(Kernel { number, parameters: self.numbered(number)?.arguments().collect() })
    }

    fn run(
        &self,
        kernel: usize,
        grid: &Grid,
        arguments: &[Vec<u8>],
        view: &View,
    ) -> Result<(), Trap> {
        let kernel = self.numbered(kernel).ok_or(Trap::Trapped)?;
        let arguments: Vec<u64> = arguments.iter().map(|bytes| word(bytes)).collect();
        let memory = |address, bytes, access| view.find(address, bytes, access);
        // SAFETY: the view has its bytes for as long as it is there, and who launches a kernel
        // promises that nobody else uses them but with atomics.
        let done = unsafe { kernel.run(grid, &arguments, &memory, Limits::default()) };
        done.map_err(trap)
    }
}

/// An argument of 4 or 8 bytes.
fn word(bytes: &[u8]) -> u64 {
    match *bytes {
        [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, f, g, h] => u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}

fn trap(error: LaunchError) -> Trap {
    match error {
        LaunchError::Fault(Fault { reason, .. }) => match reason {
            Reason::Address { address, .. } => Trap::IllegalAddress { address },
            Reason::Misaligned { address, .. } => Trap::Misaligned { address },
            Reason::Endless { .. } => Trap::Endless,
            Reason::TooDeep => Trap::Trapped,
        },
        LaunchError::Arguments { .. } | LaunchError::Grid { .. } => Trap::Trapped,
    }
}
