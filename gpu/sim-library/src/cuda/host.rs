//! Pinned and registered memory of the processor.

use std::ffi::{c_int, c_uint};
use std::ptr::NonNull;

use super::{ask, given, put};

/// `CU_MEMHOSTREGISTER_READ_ONLY`.
const READ_ONLY: c_uint = 8;

#[unsafe(no_mangle)]
extern "C" fn cuMemAllocHost_v2(block: Option<&mut *mut u8>, bytes: usize) -> c_int {
    ask(|device| put(block, device.allocate_pinned(bytes)?.as_ptr()))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemHostAlloc(block: Option<&mut *mut u8>, bytes: usize, _flags: c_uint) -> c_int {
    cuMemAllocHost_v2(block, bytes)
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFreeHost(block: Option<NonNull<u8>>) -> c_int {
    ask(|device| Ok(device.free_pinned(given(block)?)?))
}

/// # Safety
///
/// The bytes are mapped until they are unregistered.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemHostRegister_v2(
    host: Option<NonNull<u8>>,
    bytes: usize,
    flags: c_uint,
) -> c_int {
    ask(|device| {
        let read_only = flags & READ_ONLY != 0;
        // SAFETY: the caller's.
        unsafe { device.register(given(host)?, bytes, read_only) }?;
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemHostUnregister(host: Option<NonNull<u8>>) -> c_int {
    ask(|device| Ok(device.unregister(given(host)?)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemHostGetDevicePointer_v2(
    address: Option<&mut u64>,
    host: Option<NonNull<u8>>,
    _flags: c_uint,
) -> c_int {
    ask(|device| {
        let found = device.device_address(given(host)?);
        put(address, found.map_err(|_| super::Code::INVALID_VALUE)?)
    })
}
