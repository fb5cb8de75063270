//! HIP's names.
//!
//! The version is 7.1, or what `ANYMEM_GPU_SIM_HIP_VERSION` says in HIP's way of counting: older
//! ones lack the same as the real ones do.

mod devices;
mod kernels;
mod memory;
mod sharing;
mod streams;
mod virtual_memory;

use std::cell::Cell;
use std::ffi::c_int;
use std::sync::OnceLock;

use anymem_gpu_sim::{Device, SimError, Stream};

use crate::machine::{self, machine};

const VERSION_6: c_int = 60_000_000;
const VERSION_7_1: c_int = 70_100_000;
/// `hipErrorInvalidValue`.
const INVALID_VALUE: c_int = 1;
/// `hipErrorNoDevice`.
const NO_DEVICE: c_int = 100;
/// `hipErrorInvalidDevice`.
const INVALID_DEVICE: c_int = 101;

thread_local! {
    /// The thread's current device.
    static CURRENT: Cell<c_int> = const { Cell::new(0) };
}

/// Asks a device for something.
fn ask_of(device: c_int, ask: impl FnOnce(Device<'_>) -> Result<(), SimError>) -> c_int {
    let Some(machine) = machine() else { return NO_DEVICE };
    let Ok(device) = u32::try_from(device) else { return INVALID_DEVICE };
    match machine.device(device).and_then(ask) {
        Ok(()) => 0,
        Err(error) => code(&error),
    }
}

/// Asks the current device for something.
fn ask(ask: impl FnOnce(Device<'_>) -> Result<(), SimError>) -> c_int {
    ask_of(CURRENT.get(), ask)
}

/// HIP's number for an error, which is CUDA's if HIP has it.
fn code(error: &SimError) -> c_int {
    match error.code() {
        716 => 700,
        code => code,
    }
}

/// Writes a result where it is wanted.
fn put<T>(place: Option<&mut T>, value: T) -> Result<(), SimError> {
    *place.ok_or(SimError::Invalid { what: "null" })? = value;
    Ok(())
}

fn stream_of(device: Device<'_>, stream: u64) -> Stream {
    if stream == 0 { device.default_stream() } else { Stream::of(stream) }
}

fn version() -> c_int {
    static VERSION: OnceLock<c_int> = OnceLock::new();
    *VERSION.get_or_init(|| machine::version("ANYMEM_GPU_SIM_HIP_VERSION", VERSION_7_1))
}
