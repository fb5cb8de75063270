//! Blocks, and pages that are there already.

use std::ptr::NonNull;

use anymem_gpu_sim::{Device, Owner};

use super::drivers::is;
use super::lists::all_idle;
use super::objects::{Block, Head, chained, device, objects};
use super::{
    CONTEXT, Code, DEVICES, INVALID_ARGUMENT, INVALID_NULL_HANDLE, answer, ask, code, expect,
    is_strict, must, put,
};
use crate::machine::machine;

/// `ze_device_mem_alloc_desc_t`.
#[repr(C)]
struct DeviceDesc {
    head: Head,
    flags: u32,
    memory: u32,
}

/// `ze_host_mem_alloc_desc_t`.
#[repr(C)]
struct HostDesc {
    head: Head,
    flags: u32,
}

/// `ze_relaxed_allocation_limits_exp_desc_t`.
#[repr(C)]
struct Relaxed {
    head: Head,
    flags: u32,
}

/// `ze_external_memmap_sysmem_ext_desc_t`.
#[repr(C)]
struct Pages {
    head: Head,
    address: Option<NonNull<u8>>,
    bytes: u64,
}

/// `ZE_RESULT_ERROR_UNSUPPORTED_SIZE`.
const UNSUPPORTED_SIZE: Code = 0x7800_0009;

/// # Safety
///
/// What is chained to the description is what it says.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeMemAllocDevice(
    context: u64,
    desc: Option<&DeviceDesc>,
    bytes: usize,
    alignment: usize,
    handle: u64,
    block: Option<&mut u64>,
) -> Code {
    ask(handle, |it| {
        is(context, CONTEXT)?;
        // SAFETY: the caller's.
        unsafe { fits(desc, it, bytes, alignment) }?;
        let made = it.allocate(bytes).map_err(code)?;
        keep(made, Block::Device(it.number()));
        put(block, made)
    })
}

/// # Safety
///
/// What is chained to the descriptions is what they say.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeMemAllocShared(
    context: u64,
    desc: Option<&DeviceDesc>,
    host_desc: Option<&HostDesc>,
    bytes: usize,
    alignment: usize,
    handle: u64,
    block: Option<&mut u64>,
) -> Code {
    ask(handle, |it| {
        is(context, CONTEXT)?;
        host_desc.ok_or(INVALID_NULL_HANDLE)?.head.is(0x16)?;
        // SAFETY: the caller's.
        unsafe { fits(desc, it, bytes, alignment) }?;
        let made = it.allocate_managed(bytes).map_err(code)?;
        keep(made, Block::Device(it.number()));
        put(block, made)
    })
}

/// # Safety
///
/// What is chained to the description is what it says; if that is pages, they stay until the
/// block is freed.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeMemAllocHost(
    context: u64,
    desc: Option<&HostDesc>,
    bytes: usize,
    alignment: usize,
    block: Option<&mut u64>,
) -> Code {
    answer(is(context, CONTEXT).and_then(|()| {
        let desc = desc.ok_or(INVALID_NULL_HANDLE)?;
        desc.head.is(0x16)?;
        expect(alignment == 0 || alignment.is_power_of_two())?;
        // SAFETY: the caller's.
        let (made, kind) = match unsafe { chained(&desc.head, 0x2_0037) } {
            // SAFETY: the caller's.
            Some(pages) => unsafe { mapped(pages, bytes) }?,
            None => {
                let made = device(0)?.allocate_pinned(bytes).map_err(code)?;
                (made.as_ptr() as u64, Block::Pinned(made))
            }
        };
        keep(made, kind);
        put(block, made)
    }))
}

/// # Safety
///
/// The pages stay until the block is freed.
unsafe fn mapped(pages: &Pages, bytes: usize) -> Result<(u64, Block), Code> {
    let host = pages.address.ok_or(INVALID_ARGUMENT)?;
    let whole = [host.addr().get(), bytes].iter().all(|it| it.is_multiple_of(4096));
    expect(whole && pages.bytes == bytes as u64)?;
    // SAFETY: the caller's.
    let there = unsafe { device(0)?.register(host, bytes, false) }.map_err(code)?;
    Ok((there, Block::Registered(host)))
}

#[unsafe(no_mangle)]
extern "C" fn zeMemFree(context: u64, block: u64) -> Code {
    answer(is(context, CONTEXT).and_then(|()| {
        let kind = objects().blocks.remove(&block).ok_or(INVALID_ARGUMENT)?;
        let number = if let Block::Device(number) = kind { number } else { 0 };
        must(!is_strict() || all_idle(number), "a block is freed before the device is done\n");
        match kind {
            Block::Device(number) => device(number)?.free(block),
            Block::Pinned(address) => device(0)?.free_pinned(address),
            Block::Registered(address) => device(0)?.unregister(address),
        }
        .map_err(code)
    }))
}

/// As Level Zero: what is none is not an error, but nothing.
#[unsafe(no_mangle)]
extern "C" fn zeMemGetAddressRange(
    context: u64,
    address: u64,
    base: Option<&mut u64>,
    bytes: Option<&mut usize>,
) -> Code {
    answer(is(context, CONTEXT).and_then(|()| {
        let (start, length) = owner(address)?
            .map_or(Ok((0, 0)), |number| device(number)?.base_of(address).map_err(code))?;
        put(base, start)?;
        put(bytes, length)
    }))
}

/// `ze_memory_allocation_properties_t`.
#[repr(C)]
struct AllocProperties {
    head: Head,
    kind: u32,
    id: u64,
    page: u64,
}

/// Of what is no memory it says so, without an error.
#[unsafe(no_mangle)]
extern "C" fn zeMemGetAllocProperties(
    context: u64,
    address: u64,
    properties: Option<&mut AllocProperties>,
    handle: Option<&mut u64>,
) -> Code {
    answer(is(context, CONTEXT).and_then(|()| {
        let properties = properties.ok_or(INVALID_NULL_HANDLE)?;
        properties.head.is(0x17)?;
        let found = device(0)?.about(address).map_err(code)?;
        let (kind, owner) = match found.map(|it| it.owner) {
            None => (0, 0),
            Some(Owner::Host) => (1, 0),
            Some(Owner::Device(number)) => (2, DEVICES + u64::from(number)),
            Some(Owner::Managed) => (3, DEVICES),
        };
        (properties.kind, properties.page) = (kind, 4096);
        properties.id = found.map_or(0, |it| it.start);
        handle.map_or(Ok(()), |handle| put(Some(handle), owner))
    }))
}

/// The device that has an address.
pub(super) fn owner(address: u64) -> Result<Option<u32>, Code> {
    let devices = machine().map_or(0, |it| it.devices());
    let mut owners =
        (0..devices).filter(|number| device(*number).is_ok_and(|it| it.base_of(address).is_ok()));
    Ok(owners.next())
}

fn keep(block: u64, kind: Block) {
    objects().blocks.insert(block, kind);
}

/// Refuses large blocks that are not said to be so.
///
/// # Safety
///
/// What is chained to the description is what it says.
unsafe fn fits(
    desc: Option<&DeviceDesc>,
    device: Device<'_>,
    bytes: usize,
    alignment: usize,
) -> Result<(), Code> {
    let desc = desc.ok_or(INVALID_NULL_HANDLE)?;
    desc.head.is(0x15)?;
    expect(alignment == 0 || alignment.is_power_of_two())?;
    let largest = device.free_and_total().map_err(code)?.1 / 4;
    // SAFETY: the caller's.
    let relaxed = unsafe { chained::<Relaxed>(&desc.head, 0x2_0001) };
    if bytes > largest && relaxed.is_none_or(|it| it.flags & 1 == 0) {
        return Err(UNSUPPORTED_SIZE);
    }
    Ok(())
}
