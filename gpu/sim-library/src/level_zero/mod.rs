//! Level Zero's names.
//!
//! What Level Zero leaves undefined ends the process here: a command that follows another without
//! a barrier, an event that is reset while a stream still has to do with it, a list that is
//! destroyed before all is done. A structure that has another's number is refused. With
//! `ANYMEM_GPU_SIM_STRICT=1` so does a block that is freed before the device has done all that it
//! was asked for, which only a program can be asked for whose threads do not ask at a time.
//!
//! `ANYMEM_GPU_SIM_WITHOUT_MEMMAP=1` takes the extension away that registering memory needs. The
//! version is 1.13, or what `ANYMEM_GPU_SIM_LEVEL_ZERO_VERSION` says, as one number.

mod drivers;
mod events;
mod kernels;
mod lists;
mod memory;
mod objects;
mod sharing;
mod virtual_memory;

use anymem_gpu_sim::{Device, SimError};

use crate::machine::machine;

/// `ze_result_t`.
type Code = i32;

const NOT_READY: Code = 1;
const DEVICE_LOST: Code = 0x7000_0001;
const OUT_OF_DEVICE_MEMORY: Code = 0x7000_0003;
const MODULE_BUILD_FAILURE: Code = 0x7000_0004;
const UNINITIALIZED: Code = 0x7800_0001;
const UNSUPPORTED_FEATURE: Code = 0x7800_0003;
const INVALID_ARGUMENT: Code = 0x7800_0004;
const INVALID_NULL_HANDLE: Code = 0x7800_0005;
const INVALID_SYNCHRONIZATION_OBJECT: Code = 0x7800_000b;
const UNKNOWN: Code = 0x7fff_fffe;

/// The only driver, and its only context.
const DRIVER: u64 = 0xd0;
const CONTEXT: u64 = 0xc0;
/// The handle of the first device; the others follow.
const DEVICES: u64 = 0xde00;

/// Asks a device, by its handle.
fn ask(handle: u64, ask: impl FnOnce(Device<'_>) -> Result<(), Code>) -> Code {
    let Some(machine) = machine() else { return UNINITIALIZED };
    let number = handle.checked_sub(DEVICES).and_then(|it| u32::try_from(it).ok());
    let device = number.and_then(|it| machine.device(it).ok());
    answer(device.ok_or(INVALID_NULL_HANDLE).and_then(ask))
}

fn answer(result: Result<(), Code>) -> Code {
    result.err().unwrap_or(0)
}

/// Level Zero's number for an error.
fn code(error: SimError) -> Code {
    match error {
        SimError::OutOfMemory { .. } => OUT_OF_DEVICE_MEMORY,
        SimError::Lost { .. } => DEVICE_LOST,
        SimError::Unsupported { .. } => UNSUPPORTED_FEATURE,
        SimError::NoSuchDevice { .. } | SimError::NoSuch { .. } => INVALID_NULL_HANDLE,
        SimError::Code { .. } => MODULE_BUILD_FAILURE,
        SimError::Forked => UNINITIALIZED,
        SimError::System { .. } => UNKNOWN,
        _ => INVALID_ARGUMENT,
    }
}

/// Writes a result where it is wanted.
fn put<T>(place: Option<&mut T>, value: T) -> Result<(), Code> {
    *place.ok_or(INVALID_ARGUMENT)? = value;
    Ok(())
}

/// Ends the process unless the caller did right.
fn must(right: bool, what: &str) {
    if !right {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), what.as_bytes());
        std::process::abort();
    }
}

/// Whether one thread alone uses the devices.
fn is_strict() -> bool {
    std::env::var("ANYMEM_GPU_SIM_STRICT").is_ok_and(|it| it == "1")
}

fn expect(right: bool) -> Result<(), Code> {
    if right { Ok(()) } else { Err(INVALID_ARGUMENT) }
}

/// Writes a list as Level Zero does: how long it is, or as much as there is room for.
///
/// # Safety
///
/// There is room for as many as are asked for.
unsafe fn list<T>(items: Vec<T>, count: Option<&mut u32>, room: *mut T) -> Result<(), Code> {
    let count = count.ok_or(INVALID_ARGUMENT)?;
    let all = items.len() as u32;
    if *count == 0 {
        *count = all;
        return Ok(());
    }
    expect(!room.is_null())?;
    *count = all.min(*count);
    for (index, item) in items.into_iter().take(*count as usize).enumerate() {
        // SAFETY: the caller's.
        unsafe { room.add(index).write(item) };
    }
    Ok(())
}
