//! Blocks in other processes.

use std::ffi::{c_int, c_uint};

use anymem_gpu_sim::{IpcHandle, SimError};

use super::{VERSION_6, ask, put, version};

/// `hipIpcMemHandle_t`.
#[repr(C)]
struct Handle(IpcHandle);

#[unsafe(no_mangle)]
extern "C" fn hipIpcGetMemHandle(handle: Option<&mut Handle>, base: u64) -> c_int {
    ask(|device| put(handle, Handle(device.export(base)?)))
}

/// The flag is the only one there is, which got another number with 6.0.
#[unsafe(no_mangle)]
extern "C" fn hipIpcOpenMemHandle(
    address: Option<&mut u64>,
    handle: Handle,
    flags: c_uint,
) -> c_int {
    ask(|device| {
        if flags != c_uint::from(version() >= VERSION_6) {
            return Err(SimError::Invalid { what: "flags" });
        }
        put(address, device.open(&handle.0)?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipIpcCloseMemHandle(address: u64) -> c_int {
    ask(|device| device.close(address))
}
