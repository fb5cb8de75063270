//! Blocks in other processes.

use std::ffi::{c_int, c_uint};

use anymem_gpu_sim::IpcHandle;

use super::memory::owner;
use super::{ask, expect, put};

/// `CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS`, which must be.
const LAZY: c_uint = 1;

/// A handle, as it is passed.
#[repr(C)]
struct Handle(IpcHandle);

#[unsafe(no_mangle)]
extern "C" fn cuIpcGetMemHandle(handle: Option<&mut Handle>, block: u64) -> c_int {
    ask(|device| {
        // A handle stands for all of a block, whatever address of it is asked for.
        let device = owner(device, block)?;
        let (base, _) = device.base_of(block)?;
        put(handle, Handle(device.export(base)?))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuIpcOpenMemHandle_v2(
    address: Option<&mut u64>,
    handle: Handle,
    flags: c_uint,
) -> c_int {
    ask(|device| {
        expect(flags == LAZY)?;
        put(address, device.open(&handle.0)?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuIpcCloseMemHandle(address: u64) -> c_int {
    ask(|device| Ok(device.close(address)?))
}
