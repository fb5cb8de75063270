//! Blocks in the order of streams, and the pools that they are said to be of.
//!
//! A pool is its device's number, from 1 on: each device has one, and what is created is
//! another name for it.

use std::ffi::{c_int, c_uint, c_void};

use anymem_gpu_sim::Device;

use super::answer::{Answer, Code, answer};
use super::context::numbered;
use super::memory::owner;
use super::{ask_on, expect, given, initialized, put};

#[unsafe(no_mangle)]
extern "C" fn cuMemAllocAsync(block: Option<&mut u64>, bytes: usize, stream: u64) -> c_int {
    ask_on(stream, |device, stream| put(block, device.allocate_on(stream, bytes)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemAllocFromPoolAsync(
    block: Option<&mut u64>,
    bytes: usize,
    pool: u64,
    stream: u64,
) -> c_int {
    ask_on(stream, |device, stream| {
        expect(of(pool)?.number() == device.number())?;
        put(block, device.allocate_on(stream, bytes)?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFreeAsync(block: u64, stream: u64) -> c_int {
    ask_on(stream, |device, stream| {
        expect(owner(device, block)?.number() == device.number())?;
        Ok(device.free_on(stream, block)?)
    })
}

/// The device of a pool.
fn of(pool: u64) -> Answer<Device<'static>> {
    let number = pool.checked_sub(1).and_then(|it| u32::try_from(it).ok());
    Ok(initialized()?.device(given(number)?)?)
}

fn pool_of(device: Device<'_>) -> u64 {
    u64::from(device.number()) + 1
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetDefaultMemPool(pool: Option<&mut u64>, device: c_int) -> c_int {
    answer(|| {
        let has_some = initialized()?.options().stream_ordered;
        has_some.then_some(()).ok_or(Code::NOT_SUPPORTED)?;
        put(pool, pool_of(numbered(device)?))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetMemPool(pool: Option<&mut u64>, device: c_int) -> c_int {
    cuDeviceGetDefaultMemPool(pool, device)
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceSetMemPool(device: c_int, pool: u64) -> c_int {
    answer(|| expect(of(pool)?.number() == numbered(device)?.number()))
}

/// How the description of a pool begins.
#[repr(C)]
struct PoolProperties {
    kind: c_int,
    handles: c_int,
    place: c_int,
    device: c_int,
}

#[unsafe(no_mangle)]
extern "C" fn cuMemPoolCreate(
    pool: Option<&mut u64>,
    properties: Option<&PoolProperties>,
) -> c_int {
    answer(|| {
        let PoolProperties { device, .. } = *given(properties)?;
        put(pool, pool_of(numbered(device)?))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemPoolDestroy(pool: u64) -> c_int {
    answer(|| of(pool).map(drop))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemPoolTrimTo(pool: u64, _bytes: usize) -> c_int {
    answer(|| of(pool).map(drop))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemPoolSetAttribute(pool: u64, _attribute: c_uint, value: *mut c_void) -> c_int {
    answer(|| {
        expect(!value.is_null())?;
        of(pool).map(drop)
    })
}
