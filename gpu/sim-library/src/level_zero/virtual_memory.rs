//! Addresses without pages, and pages without addresses.

use anymem_gpu_sim::{Access, Pages};

use super::drivers::is;
use super::objects::{Head, device};
use super::{
    CONTEXT, Code, INVALID_NULL_HANDLE, UNINITIALIZED, UNSUPPORTED_FEATURE, answer, ask, code,
    expect, put,
};
use crate::machine::machine;

/// `ze_physical_mem_desc_t`.
#[repr(C)]
struct Desc {
    head: Head,
    flags: u32,
    bytes: usize,
}

#[unsafe(no_mangle)]
extern "C" fn zeVirtualMemQueryPageSize(
    context: u64,
    handle: u64,
    _bytes: usize,
    page: Option<&mut usize>,
) -> Code {
    ask(handle, |_| {
        is(context, CONTEXT)?;
        let options = machine().ok_or(UNINITIALIZED)?.options();
        expect(options.virtual_memory).map_err(|_| UNSUPPORTED_FEATURE)?;
        put(page, options.granularity)
    })
}

#[unsafe(no_mangle)]
extern "C" fn zeVirtualMemReserve(
    context: u64,
    _wish: u64,
    bytes: usize,
    address: Option<&mut u64>,
) -> Code {
    within(context, || put(address, device(0)?.reserve(bytes).map_err(code)?))
}

#[unsafe(no_mangle)]
extern "C" fn zeVirtualMemFree(context: u64, address: u64, bytes: usize) -> Code {
    within(context, || device(0)?.release(address, bytes).map_err(code))
}

#[unsafe(no_mangle)]
extern "C" fn zePhysicalMemCreate(
    context: u64,
    handle: u64,
    desc: Option<&Desc>,
    pages: Option<&mut u64>,
) -> Code {
    ask(handle, |it| {
        is(context, CONTEXT)?;
        let desc = desc.ok_or(INVALID_NULL_HANDLE)?;
        desc.head.is(0x20)?;
        put(pages, it.create_pages(desc.bytes).map_err(code)?.number())
    })
}

#[unsafe(no_mangle)]
extern "C" fn zePhysicalMemDestroy(context: u64, pages: u64) -> Code {
    within(context, || device(0)?.destroy_pages(Pages::of(pages)).map_err(code))
}

/// If the device may not use it, nothing is mapped.
#[unsafe(no_mangle)]
extern "C" fn zeVirtualMemMap(
    context: u64,
    address: u64,
    bytes: usize,
    pages: u64,
    offset: usize,
    access: u32,
) -> Code {
    within(context, || {
        expect(offset == 0 && access == 1)?;
        let device = device(0)?;
        device.map(address, bytes, Pages::of(pages)).map_err(code)?;
        let allowed = device.set_access(address, bytes, Access::Write);
        allowed.map_err(code).inspect_err(|_| drop(device.unmap(address, bytes)))
    })
}

#[unsafe(no_mangle)]
extern "C" fn zeVirtualMemUnmap(context: u64, address: u64, bytes: usize) -> Code {
    within(context, || device(0)?.unmap(address, bytes).map_err(code))
}

fn within(context: u64, call: impl FnOnce() -> Result<(), Code>) -> Code {
    answer(is(context, CONTEXT).and_then(|()| call()))
}
