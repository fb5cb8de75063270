//! Blocks of a device, and managed ones.

use std::ffi::{c_int, c_uint};

use anymem_gpu_sim::{Device, Owner};

use super::answer::Answer;
use super::{ask, expect, initialized, put};

#[unsafe(no_mangle)]
extern "C" fn cuMemGetInfo_v2(free: Option<&mut usize>, total: Option<&mut usize>) -> c_int {
    ask(|device| {
        let (left, all) = device.free_and_total()?;
        put(free, left)?;
        put(total, all)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemAlloc_v2(block: Option<&mut u64>, bytes: usize) -> c_int {
    ask(|device| put(block, device.allocate(bytes)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemAllocManaged(block: Option<&mut u64>, bytes: usize, flags: c_uint) -> c_int {
    ask(|device| {
        expect(flags == 1 || flags == 2)?;
        put(block, device.allocate_managed(bytes)?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFree_v2(block: u64) -> c_int {
    ask(|device| {
        if block == 0 {
            return Ok(());
        }
        Ok(owner(device, block)?.free(block)?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemGetAddressRange_v2(
    base: Option<&mut u64>,
    bytes: Option<&mut usize>,
    address: u64,
) -> c_int {
    ask(|device| {
        let (start, length) = owner(device, address)?.base_of(address)?;
        // Either may be left out.
        base.into_iter().for_each(|it| *it = start);
        bytes.into_iter().for_each(|it| *it = length);
        Ok(())
    })
}

/// The device whose memory an address is, or else the one that is asked.
pub(super) fn owner(device: Device<'static>, address: u64) -> Answer<Device<'static>> {
    let machine = initialized()?;
    match machine.about(address).map(|it| it.owner) {
        Some(Owner::Device(number)) => Ok(machine.device(number)?),
        _ => Ok(device),
    }
}

#[unsafe(no_mangle)]
extern "C" fn cuMemPrefetchAsync(
    address: u64,
    _bytes: usize,
    _device: c_int,
    _stream: u64,
) -> c_int {
    hint(address)
}

#[unsafe(no_mangle)]
extern "C" fn cuMemAdvise(address: u64, _bytes: usize, _advice: c_uint, _device: c_int) -> c_int {
    hint(address)
}

/// A place, since CUDA 12: what it is of, and its number there.
#[repr(C)]
struct Location {
    kind: c_int,
    number: c_int,
}

#[unsafe(no_mangle)]
extern "C" fn cuMemPrefetchAsync_v2(
    address: u64,
    _bytes: usize,
    _location: Location,
    _flags: c_uint,
    _stream: u64,
) -> c_int {
    hint(address)
}

#[unsafe(no_mangle)]
extern "C" fn cuMemAdvise_v2(
    address: u64,
    _bytes: usize,
    _advice: c_uint,
    _location: Location,
) -> c_int {
    hint(address)
}

/// What a hint says about managed memory is not needed.
fn hint(address: u64) -> c_int {
    ask(|_| expect(initialized()?.about(address).is_some_and(|it| it.owner == Owner::Managed)))
}
