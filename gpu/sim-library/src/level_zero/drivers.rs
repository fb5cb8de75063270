//! The driver, its context and devices, and what is told of them.

use super::objects::Head;
use super::{
    CONTEXT, Code, DEVICES, DRIVER, INVALID_NULL_HANDLE, UNINITIALIZED, answer, ask, code, expect,
    list, put,
};
use crate::machine::{self, machine};

/// What says another version than the usual one.
const WISH: &str = "ANYMEM_GPU_SIM_LEVEL_ZERO_VERSION";
const VERSION: u32 = 0x1_000d;
const MEMMAP: &[u8] = b"ZE_extension_external_memmap_sysmem";

/// `ze_driver_extension_properties_t`.
#[repr(C)]
struct Extension {
    name: [u8; 256],
    version: u32,
}

/// `ze_driver_ipc_properties_t`.
#[repr(C)]
struct Ipc {
    head: Head,
    flags: u32,
}

/// `ze_device_properties_t`.
#[repr(C)]
struct Properties {
    head: Head,
    kind: u32,
    ids: [u32; 5],
    largest: u64,
    counts: [u32; 7],
    resolution: u64,
    bits: [u32; 2],
    uuid: [u8; 16],
    name: [u8; 256],
}

/// `ze_device_memory_properties_t`.
#[repr(C)]
struct Memory {
    head: Head,
    flags: [u32; 3],
    total: u64,
    name: [u8; 256],
}

/// `ze_device_memory_access_properties_t`.
#[repr(C)]
struct Access {
    head: Head,
    host: u32,
    device: u32,
    shared: [u32; 3],
}

/// `ze_command_queue_group_properties_t`.
#[repr(C)]
struct Group {
    head: Head,
    flags: u32,
    largest_pattern: usize,
    queues: u32,
}

#[unsafe(no_mangle)]
extern "C" fn zeInit(_flags: u32) -> Code {
    if machine().is_some() { 0 } else { UNINITIALIZED }
}

/// # Safety
///
/// There is room for as many as are asked for.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeDriverGet(count: Option<&mut u32>, drivers: *mut u64) -> Code {
    // SAFETY: the caller's.
    answer(unsafe { list(vec![DRIVER], count, drivers) })
}

#[unsafe(no_mangle)]
extern "C" fn zeDriverGetApiVersion(driver: u64, version: Option<&mut u32>) -> Code {
    answer(is(driver, DRIVER).and_then(|()| put(version, machine::version(WISH, VERSION))))
}

#[unsafe(no_mangle)]
extern "C" fn zeDriverGetIpcProperties(driver: u64, properties: Option<&mut Ipc>) -> Code {
    answer(is(driver, DRIVER).and_then(|()| {
        let properties = properties.ok_or(INVALID_NULL_HANDLE)?;
        properties.head.is(0x2)?;
        properties.flags = machine().map_or(0, |it| u32::from(it.options().ipc));
        Ok(())
    }))
}

/// # Safety
///
/// There is room for as many as are asked for.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeDriverGetExtensionProperties(
    driver: u64,
    count: Option<&mut u32>,
    extensions: *mut Extension,
) -> Code {
    let mut name = [0; 256];
    name[..MEMMAP.len()].copy_from_slice(MEMMAP);
    let without = std::env::var("ANYMEM_GPU_SIM_WITHOUT_MEMMAP").is_ok_and(|it| it == "1");
    let all = if without { vec![] } else { vec![Extension { name, version: 0x1_0000 }] };
    // SAFETY: the caller's.
    answer(is(driver, DRIVER).and_then(|()| unsafe { list(all, count, extensions) }))
}

#[unsafe(no_mangle)]
extern "C" fn zeContextCreate(driver: u64, desc: Option<&Head>, context: Option<&mut u64>) -> Code {
    answer(is(driver, DRIVER).and_then(|()| {
        desc.ok_or(INVALID_NULL_HANDLE)?.is(0xd)?;
        put(context, CONTEXT)
    }))
}

/// # Safety
///
/// There is room for as many as are asked for.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeDeviceGet(driver: u64, count: Option<&mut u32>, devices: *mut u64) -> Code {
    let all = machine().map_or(0, |it| u64::from(it.devices()));
    let all = (0..all).map(|number| DEVICES + number).collect();
    // SAFETY: the caller's.
    answer(is(driver, DRIVER).and_then(|()| unsafe { list(all, count, devices) }))
}

#[unsafe(no_mangle)]
extern "C" fn zeDeviceGetProperties(device: u64, properties: Option<&mut Properties>) -> Code {
    ask(device, |it| {
        let properties = properties.ok_or(INVALID_NULL_HANDLE)?;
        properties.head.is(0x3)?;
        properties.kind = 1;
        properties.largest = it.free_and_total().map_err(code)?.1 as u64 / 4;
        let name = format!("software device {}", it.number());
        properties.name[..name.len()].copy_from_slice(name.as_bytes());
        Ok(())
    })
}

/// # Safety
///
/// There is room for as many as are asked for.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeDeviceGetMemoryProperties(
    device: u64,
    count: Option<&mut u32>,
    memories: *mut Memory,
) -> Code {
    ask(device, |it| {
        let total = it.free_and_total().map_err(code)?.1 as u64;
        // SAFETY: the caller's.
        let head = unsafe { memories.as_ref() }.map(|it| it.head.is(0x7)).transpose();
        head?;
        let head = Head { number: 0x7, next: std::ptr::null() };
        let all = vec![Memory { head, flags: [0; 3], total, name: [0; 256] }];
        // SAFETY: the caller's.
        unsafe { list(all, count, memories) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn zeDeviceGetMemoryAccessProperties(device: u64, access: Option<&mut Access>) -> Code {
    ask(device, |_| {
        let access = access.ok_or(INVALID_NULL_HANDLE)?;
        access.head.is(0x8)?;
        let options = machine().ok_or(UNINITIALIZED)?.options();
        access.host = if options.host_atomics { 15 } else { 7 };
        access.device = 15;
        access.shared = if options.managed { [15; 3] } else { [0; 3] };
        Ok(())
    })
}

/// Two groups: one that copies alone, and one that does everything.
///
/// # Safety
///
/// There is room for as many as are asked for.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeDeviceGetCommandQueueGroupProperties(
    device: u64,
    count: Option<&mut u32>,
    groups: *mut Group,
) -> Code {
    let group = |flags, largest_pattern| {
        let head = Head { number: 0x6, next: std::ptr::null() };
        Group { head, flags, largest_pattern, queues: 1 }
    };
    // SAFETY: the caller's.
    ask(device, |_| unsafe { list(vec![group(2, 1), group(3, 64)], count, groups) })
}

pub(super) fn is(handle: u64, wanted: u64) -> Result<(), Code> {
    expect(handle == wanted).map_err(|_| INVALID_NULL_HANDLE)
}
