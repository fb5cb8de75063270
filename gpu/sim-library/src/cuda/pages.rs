//! Virtual memory management.

use std::ffi::{c_int, c_uint, c_ulonglong, c_void};
use std::os::fd::{BorrowedFd, IntoRawFd};

use anymem_gpu_sim::{Access, Device, Pages};

use super::answer::{Answer, Code, answer};
use super::context::numbered;
use super::memory::owner;
use super::{ask, expect, given, initialized, put};

/// `CU_MEM_LOCATION_TYPE_DEVICE`.
const DEVICE: c_int = 1;
/// `CU_MEM_ALLOCATION_TYPE_PINNED`.
const PINNED: c_int = 1;
/// `CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR`.
const DESCRIPTOR: c_uint = 1;

/// Where memory is.
#[repr(C)]
#[derive(Clone, Copy)]
struct Location {
    kind: c_int,
    number: c_int,
}

/// What memory is to be like.
#[repr(C)]
struct Properties {
    kind: c_int,
    handles: c_uint,
    location: Location,
    unused: *mut c_void,
    flags: [u8; 8],
}

/// Who may do what.
#[repr(C)]
struct AccessOf {
    location: Location,
    access: c_int,
}

/// A location's device.
fn at(location: Location) -> Answer<Device<'static>> {
    expect(location.kind == DEVICE)?;
    numbered(location.number)
}

#[unsafe(no_mangle)]
extern "C" fn cuMemGetAllocationGranularity(
    bytes: Option<&mut usize>,
    properties: Option<&Properties>,
    _which: c_uint,
) -> c_int {
    answer(|| {
        at(given(properties)?.location)?;
        put(bytes, initialized()?.options().granularity)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemAddressReserve(
    address: Option<&mut u64>,
    bytes: usize,
    alignment: usize,
    _wish: u64,
    flags: c_ulonglong,
) -> c_int {
    ask(|device| {
        let whole = initialized()?.options().granularity;
        expect(flags == 0 && alignment <= whole)?;
        put(address, device.reserve(bytes)?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemAddressFree(address: u64, bytes: usize) -> c_int {
    ask(|device| Ok(device.release(address, bytes)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemCreate(
    pages: Option<&mut u64>,
    bytes: usize,
    properties: Option<&Properties>,
    flags: c_ulonglong,
) -> c_int {
    answer(|| {
        let properties = given(properties)?;
        expect(flags == 0 && properties.kind == PINNED && properties.handles & !DESCRIPTOR == 0)?;
        put(pages, at(properties.location)?.create_pages(bytes)?.number())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemRelease(pages: u64) -> c_int {
    ask(|device| Ok(device.destroy_pages(Pages::of(pages))?))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemMap(
    address: u64,
    bytes: usize,
    offset: usize,
    pages: u64,
    flags: c_ulonglong,
) -> c_int {
    ask(|device| {
        expect(offset == 0 && flags == 0)?;
        Ok(device.map(address, bytes, Pages::of(pages))?)
    })
}

/// # Safety
///
/// There are so many descriptions.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemSetAccess(
    address: u64,
    bytes: usize,
    access: *const AccessOf,
    count: usize,
) -> c_int {
    answer(|| {
        expect(!access.is_null() && count == 1)?;
        // SAFETY: the caller's.
        let AccessOf { location, access } = unsafe { access.read() };
        let access = match access {
            0 => Access::None,
            1 => Access::Read,
            3 => Access::Write,
            _ => return Err(Code::INVALID_VALUE),
        };
        Ok(at(location)?.set_access(address, bytes, access)?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemUnmap(address: u64, bytes: usize) -> c_int {
    ask(|device| Ok(owner(device, address)?.unmap(address, bytes)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemExportToShareableHandle(
    handle: Option<&mut c_int>,
    pages: u64,
    kind: c_uint,
    flags: c_ulonglong,
) -> c_int {
    ask(|device| {
        expect(kind == DESCRIPTOR && flags == 0)?;
        put(handle, device.export_pages(Pages::of(pages))?.into_raw_fd())
    })
}

/// # Safety
///
/// The handle is a descriptor that is open, as a pointer.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemImportFromShareableHandle(
    pages: Option<&mut u64>,
    handle: *mut c_void,
    kind: c_uint,
) -> c_int {
    ask(|device| {
        expect(kind == DESCRIPTOR)?;
        let number = c_int::try_from(handle.addr()).map_err(|_| Code::INVALID_VALUE)?;
        expect(number >= 0)?;
        // SAFETY: the caller's. CUDA leaves the descriptor to its owner.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned();
        let descriptor = descriptor.map_err(|_| Code::INVALID_VALUE)?;
        put(pages, device.import_pages(descriptor)?.number())
    })
}
