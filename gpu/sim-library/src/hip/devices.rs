//! Devices, and what is told of them.

use std::ffi::{c_char, c_int, c_uint};

use anymem_gpu_sim::{Device, SimError};

use super::{
    CURRENT, INVALID_DEVICE, INVALID_VALUE, NO_DEVICE, VERSION_6, ask, ask_of, put, version,
};
use crate::machine::machine;

#[unsafe(no_mangle)]
extern "C" fn hipInit(_flags: c_uint) -> c_int {
    if machine().is_some() { 0 } else { INVALID_DEVICE }
}

#[unsafe(no_mangle)]
extern "C" fn hipRuntimeGetVersion(place: Option<&mut c_int>) -> c_int {
    put(place, version()).map_or(INVALID_VALUE, |()| 0)
}

#[unsafe(no_mangle)]
extern "C" fn hipGetDeviceCount(count: Option<&mut c_int>) -> c_int {
    let devices = machine().map_or(0, |machine| machine.devices());
    match put(count, devices as c_int) {
        Err(_) => INVALID_VALUE,
        Ok(()) if devices == 0 => NO_DEVICE,
        Ok(()) => 0,
    }
}

#[unsafe(no_mangle)]
extern "C" fn hipGetDevice(device: Option<&mut c_int>) -> c_int {
    ask(|_| put(device, CURRENT.get()))
}

#[unsafe(no_mangle)]
extern "C" fn hipSetDevice(device: c_int) -> c_int {
    ask_of(device, |_| {
        CURRENT.set(device);
        Ok(())
    })
}

/// # Safety
///
/// There is room for so many bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn hipDeviceGetName(name: *mut c_char, bytes: c_int, device: c_int) -> c_int {
    let text = format!("software device {device}\0");
    ask_of(device, |_| {
        if name.is_null() || (bytes as usize) < text.len() {
            return Err(SimError::Invalid { what: "room for the name" });
        }
        // SAFETY: the caller's.
        unsafe { name.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), text.len()) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipDeviceTotalMem(bytes: Option<&mut usize>, device: c_int) -> c_int {
    ask_of(device, |it| put(bytes, it.free_and_total()?.1))
}

#[unsafe(no_mangle)]
extern "C" fn hipMemGetInfo(free: Option<&mut usize>, total: Option<&mut usize>) -> c_int {
    ask(|device| {
        let (left, all) = device.free_and_total()?;
        put(free, left)?;
        put(total, all)
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipDeviceGetAttribute(
    value: Option<&mut c_int>,
    attribute: c_int,
    device: c_int,
) -> c_int {
    ask_of(device, |it| put(value, c_int::from(has(it, attribute)?)))
}

/// By the numbers of `hipDeviceAttribute_t`, of which the last two came with 6.0.
fn has(_: Device<'_>, attribute: c_int) -> Result<bool, SimError> {
    let Some(machine) = machine() else { return Ok(false) };
    let options = machine.options();
    Ok(match attribute {
        3 => true,
        4 => options.same_address,
        9 | 24 => options.managed,
        15 => options.host_atomics,
        88 => options.stream_ordered,
        89 if version() >= VERSION_6 => options.virtual_memory,
        90 if version() >= VERSION_6 => true,
        _ => return Err(SimError::Invalid { what: "attribute" }),
    })
}
