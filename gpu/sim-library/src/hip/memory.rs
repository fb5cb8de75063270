//! Blocks, copies and fills.

use std::ffi::{c_int, c_uint, c_void};
use std::ptr::NonNull;

use anymem_gpu_sim::{Owner, Side, SimError};

use super::{VERSION_6, ask, put, stream_of, version};

#[unsafe(no_mangle)]
extern "C" fn hipMalloc(block: Option<&mut u64>, bytes: usize) -> c_int {
    ask(|device| put(block, if bytes == 0 { 0 } else { device.allocate(bytes)? }))
}

#[unsafe(no_mangle)]
extern "C" fn hipFree(block: u64) -> c_int {
    ask(|device| if block == 0 { Ok(()) } else { device.free(block) })
}

#[unsafe(no_mangle)]
extern "C" fn hipMallocAsync(block: Option<&mut u64>, bytes: usize, stream: u64) -> c_int {
    ask(|device| put(block, device.allocate_on(stream_of(device, stream), bytes)?))
}

#[unsafe(no_mangle)]
extern "C" fn hipFreeAsync(block: u64, stream: u64) -> c_int {
    ask(|device| device.free_on(stream_of(device, stream), block))
}

#[unsafe(no_mangle)]
extern "C" fn hipMallocManaged(block: Option<&mut u64>, bytes: usize, flags: c_uint) -> c_int {
    ask(|device| {
        expect(flags == 1 || flags == 2, "flags")?;
        put(block, device.allocate_managed(bytes)?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipHostMalloc(block: Option<&mut *mut u8>, bytes: usize, _flags: c_uint) -> c_int {
    ask(|device| put(block, device.allocate_pinned(bytes)?.as_ptr()))
}

#[unsafe(no_mangle)]
extern "C" fn hipHostFree(block: Option<NonNull<u8>>) -> c_int {
    ask(|device| block.map_or(Ok(()), |block| device.free_pinned(block)))
}

/// # Safety
///
/// The bytes are mapped until they are unregistered.
#[unsafe(no_mangle)]
unsafe extern "C" fn hipHostRegister(
    host: Option<NonNull<u8>>,
    bytes: usize,
    flags: c_uint,
) -> c_int {
    ask(|device| {
        expect(flags & !3 == 0, "flags")?;
        // SAFETY: the caller's.
        unsafe { device.register(given(host)?, bytes, false) }.map(drop)
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipHostUnregister(host: Option<NonNull<u8>>) -> c_int {
    ask(|device| device.unregister(given(host)?))
}

#[unsafe(no_mangle)]
extern "C" fn hipHostGetDevicePointer(
    address: Option<&mut u64>,
    host: Option<NonNull<u8>>,
    _flags: c_uint,
) -> c_int {
    ask(|device| put(address, device.device_address(given(host)?)?))
}

/// # Safety
///
/// As [`Device::copy`](anymem_gpu_sim::Device::copy).
#[unsafe(no_mangle)]
unsafe extern "C" fn hipMemcpyAsync(
    to: *mut c_void,
    from: *mut c_void,
    bytes: usize,
    kind: c_int,
    stream: u64,
) -> c_int {
    ask(|device| {
        let (to, from) = match kind {
            _ if bytes == 0 => return Ok(()),
            1 => (Side::Device(to as u64), host(from)?),
            2 => (host(to)?, Side::Device(from as u64)),
            3 => (Side::Device(to as u64), Side::Device(from as u64)),
            _ => return Err(SimError::Invalid { what: "kind" }),
        };
        // SAFETY: the caller's.
        unsafe { device.copy(Some(stream_of(device, stream)), to, from, bytes) }
    })
}

/// # Safety
///
/// As [`Device::copy`](anymem_gpu_sim::Device::copy).
#[unsafe(no_mangle)]
unsafe extern "C" fn hipMemcpyPeerAsync(
    to: u64,
    to_device: c_int,
    from: u64,
    from_device: c_int,
    bytes: usize,
    stream: u64,
) -> c_int {
    ask(|device| {
        let (to, from) = (peer(to_device, to)?, peer(from_device, from)?);
        // SAFETY: the caller's.
        unsafe { device.copy(Some(stream_of(device, stream)), to, from, bytes) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipMemsetAsync(at: u64, value: c_int, bytes: usize, stream: u64) -> c_int {
    ask(|device| device.fill(Some(stream_of(device, stream)), at, value as u8, bytes))
}

#[unsafe(no_mangle)]
extern "C" fn hipMemGetAddressRange(
    base: Option<&mut u64>,
    bytes: Option<&mut usize>,
    address: u64,
) -> c_int {
    ask(|device| {
        let (start, length) = device.base_of(address)?;
        put(base, start)?;
        put(bytes, length)
    })
}

/// # Safety
///
/// There is room for the value of that attribute.
#[unsafe(no_mangle)]
unsafe extern "C" fn hipPointerGetAttribute(
    to: Option<NonNull<u32>>,
    attribute: c_int,
    address: u64,
) -> c_int {
    ask(|device| {
        let to = to.ok_or(SimError::Invalid { what: "null" })?;
        let found = device.about(address)?.ok_or(SimError::Invalid { what: "address" })?;
        // Version 6 gave the kinds other numbers.
        let host = u32::from(version() >= VERSION_6);
        let value = match (attribute, found.owner) {
            (2, Owner::Host) => host,
            (2, _) => host + 1,
            (8, owner) => u32::from(owner == Owner::Managed),
            (9, Owner::Device(number)) => number,
            (9, _) => 0,
            (7, _) => {
                // SAFETY: the caller's: this one is as wide.
                unsafe { to.cast::<u64>().write_unaligned(found.start) };
                return Ok(());
            }
            _ => return Err(SimError::Unsupported { what: "attribute" }),
        };
        // SAFETY: the caller's.
        unsafe { to.write_unaligned(value) };
        Ok(())
    })
}

fn expect(right: bool, what: &'static str) -> Result<(), SimError> {
    if right { Ok(()) } else { Err(SimError::Invalid { what }) }
}

fn given(host: Option<NonNull<u8>>) -> Result<NonNull<u8>, SimError> {
    host.ok_or(SimError::Invalid { what: "null" })
}

fn host(address: *mut c_void) -> Result<Side, SimError> {
    given(NonNull::new(address.cast())).map(Side::Host)
}

fn peer(device: c_int, address: u64) -> Result<Side, SimError> {
    let device = u32::try_from(device).map_err(|_| SimError::Invalid { what: "device" })?;
    Ok(Side::Peer(device, address))
}
