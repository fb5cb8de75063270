//! Addresses without pages, and pages without addresses.

use std::ffi::{c_int, c_ulonglong, c_void};
use std::os::fd::{BorrowedFd, IntoRawFd};

use anymem_gpu_sim::{Access, Device, Pages, SimError};

use super::{VERSION_6, VERSION_7_1, ask, ask_of, put, version};
use crate::machine::machine;

/// `hipMemHandleTypePosixFileDescriptor`.
const DESCRIPTOR: c_int = 1;

/// `hipMemAllocationProp`, as it is from 6.0 on.
#[repr(C)]
struct Properties {
    kind: c_int,
    handles: c_int,
    location: [c_int; 2],
    win32: usize,
    flags: [u8; 4],
}

/// `hipMemAccessDesc`.
#[repr(C)]
struct Description {
    location: [c_int; 2],
    flags: c_int,
}

#[unsafe(no_mangle)]
extern "C" fn hipMemGetAllocationGranularity(
    bytes: Option<&mut usize>,
    properties: Option<&Properties>,
    _option: c_int,
) -> c_int {
    ask(|_| {
        look_at(properties)?;
        put(bytes, machine().map_or(0, |machine| machine.options().granularity))
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipMemAddressReserve(
    address: Option<&mut u64>,
    bytes: usize,
    _alignment: usize,
    _wish: u64,
    _flags: c_ulonglong,
) -> c_int {
    asked(|device| put(address, device.reserve(bytes)?))
}

#[unsafe(no_mangle)]
extern "C" fn hipMemAddressFree(address: u64, bytes: usize) -> c_int {
    asked(|device| device.release(address, bytes))
}

#[unsafe(no_mangle)]
extern "C" fn hipMemCreate(
    pages: Option<&mut u64>,
    bytes: usize,
    properties: Option<&Properties>,
    _flags: c_ulonglong,
) -> c_int {
    match look_at(properties) {
        Ok(device) => ask_of(device, |it| put(pages, it.create_pages(bytes)?.number())),
        Err(error) => ask(|_| Err(error)),
    }
}

#[unsafe(no_mangle)]
extern "C" fn hipMemRelease(pages: u64) -> c_int {
    asked(|device| device.destroy_pages(Pages::of(pages)))
}

#[unsafe(no_mangle)]
extern "C" fn hipMemMap(
    address: u64,
    bytes: usize,
    offset: usize,
    pages: u64,
    _flags: c_ulonglong,
) -> c_int {
    asked(|device| match offset {
        0 => device.map(address, bytes, Pages::of(pages)),
        _ => Err(SimError::Invalid { what: "offset" }),
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipMemUnmap(address: u64, bytes: usize) -> c_int {
    asked(|device| device.unmap(address, bytes))
}

#[unsafe(no_mangle)]
extern "C" fn hipMemSetAccess(
    address: u64,
    bytes: usize,
    description: Option<&Description>,
    count: usize,
) -> c_int {
    let Some(Description { location: [1, device], flags }) = description.filter(|_| count == 1)
    else {
        return asked(|_| Err(SimError::Invalid { what: "description" }));
    };
    let access = match flags {
        0 => Access::None,
        1 => Access::Read,
        _ => Access::Write,
    };
    ask_of(*device, |it| it.set_access(address, bytes, access))
}

#[unsafe(no_mangle)]
extern "C" fn hipMemExportToShareableHandle(
    descriptor: Option<&mut c_int>,
    pages: u64,
    kind: c_int,
    _flags: c_ulonglong,
) -> c_int {
    asked(|device| {
        is_descriptor(kind)?;
        put(descriptor, device.export_pages(Pages::of(pages))?.into_raw_fd())
    })
}

/// # Safety
///
/// The handle is a descriptor's number, or, before 7.1, where that stands.
#[unsafe(no_mangle)]
unsafe extern "C" fn hipMemImportFromShareableHandle(
    pages: Option<&mut u64>,
    handle: *const c_void,
    kind: c_int,
) -> c_int {
    asked(|device| {
        is_descriptor(kind)?;
        let by_value = version() >= VERSION_7_1;
        // SAFETY: the caller's.
        let number =
            if by_value { handle.addr() as c_int } else { unsafe { *handle.cast::<c_int>() } };
        // SAFETY: the caller's.
        let own = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned();
        let own = own.map_err(|_| SimError::Invalid { what: "descriptor" })?;
        put(pages, device.import_pages(own)?.number())
    })
}

/// Asks the current device; before 6.0 there are the names alone.
fn asked(call: impl FnOnce(Device<'_>) -> Result<(), SimError>) -> c_int {
    ask(|device| {
        if version() < VERSION_6 {
            return Err(SimError::Unsupported { what: "virtual memory" });
        }
        call(device)
    })
}

fn is_descriptor(kind: c_int) -> Result<(), SimError> {
    if kind == DESCRIPTOR { Ok(()) } else { Err(SimError::Invalid { what: "kind of handle" }) }
}

/// The device that the properties name.
fn look_at(properties: Option<&Properties>) -> Result<c_int, SimError> {
    let what = "virtual memory";
    match properties {
        _ if version() < VERSION_6 => Err(SimError::Unsupported { what }),
        Some(Properties {
            kind: 1,
            handles: DESCRIPTOR,
            location: [1, device],
            win32: 0,
            flags,
        }) if *flags == [0; 4] => Ok(*device),
        _ => Err(SimError::Invalid { what: "properties" }),
    }
}
