//! Events of pools. What must not happen twice, or not yet, is refused.

use super::drivers::is;
use super::lists::append;
use super::objects::{Head, Signal, device, objects};
use super::{
    CONTEXT, Code, DEVICES, INVALID_NULL_HANDLE, INVALID_SYNCHRONIZATION_OBJECT, NOT_READY, answer,
    code, expect, put,
};

/// `ze_event_pool_desc_t`.
#[repr(C)]
struct PoolDesc {
    head: Head,
    flags: u32,
    count: u32,
}

/// `ze_event_desc_t`.
#[repr(C)]
struct EventDesc {
    head: Head,
    index: u32,
    signal: u32,
    wait: u32,
}

/// # Safety
///
/// There are as many devices.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeEventPoolCreate(
    context: u64,
    desc: Option<&PoolDesc>,
    count: u32,
    devices: *const u64,
    pool: Option<&mut u64>,
) -> Code {
    answer(is(context, CONTEXT).and_then(|()| {
        let desc = desc.ok_or(INVALID_NULL_HANDLE)?;
        desc.head.is(0x10)?;
        expect(desc.count > 0 && desc.flags & 1 == 1 && count == 1)?;
        // SAFETY: the caller's.
        let device = unsafe { devices.as_ref() }.ok_or(INVALID_NULL_HANDLE)? - DEVICES;
        let mut objects = objects();
        let made = objects.handle();
        objects.pools.insert(made, device as u32);
        put(pool, made)
    }))
}

#[unsafe(no_mangle)]
extern "C" fn zeEventCreate(pool: u64, desc: Option<&EventDesc>, event: Option<&mut u64>) -> Code {
    answer((|| {
        let desc = desc.ok_or(INVALID_NULL_HANDLE)?;
        desc.head.is(0x11)?;
        expect(desc.signal == 4 && desc.wait == 4)?;
        let number = *objects().pools.get(&pool).ok_or(INVALID_NULL_HANDLE)?;
        let made = device(number)?.create_event().map_err(code)?;
        let signal = Signal { device: number, event: made, signalled: false };
        let mut objects = objects();
        let handle = objects.handle();
        objects.events.insert(handle, signal);
        put(event, handle)
    })())
}

#[unsafe(no_mangle)]
extern "C" fn zeCommandListAppendSignalEvent(list: u64, event: u64) -> Code {
    append(list, |device, stream| {
        let known = found(event)?;
        require(!known.signalled && known.device == device.number())?;
        device.record(known.event, stream).map_err(code)?;
        objects().events.insert(event, Signal { signalled: true, ..known });
        Ok(())
    })
}

/// # Safety
///
/// There are as many events.
#[unsafe(no_mangle)]
unsafe extern "C" fn zeCommandListAppendWaitOnEvents(
    list: u64,
    count: u32,
    events: *const u64,
) -> Code {
    append(list, |device, stream| {
        for index in 0..count as usize {
            // SAFETY: the caller's.
            let event = unsafe { *events.add(index) };
            let known = found(event)?;
            require(known.signalled)?;
            device.wait(stream, known.event).map_err(code)?;
            let waited = device.create_event().map_err(code)?;
            device.record(waited, stream).map_err(code)?;
            objects().waits.entry(event).or_default().push(waited);
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn zeEventQueryStatus(event: u64) -> Code {
    answer((|| {
        let known = found(event)?;
        let happened = device(known.device)?.has_happened(known.event).map_err(code)?;
        if known.signalled && happened { Ok(()) } else { Err(NOT_READY) }
    })())
}

#[unsafe(no_mangle)]
extern "C" fn zeEventHostSynchronize(event: u64, _timeout: u64) -> Code {
    answer((|| {
        let known = found(event)?;
        require(known.signalled)?;
        device(known.device)?.wait_until_happened(known.event).map_err(code)
    })())
}

/// Refused while a stream is still to signal it, or waits for it.
#[unsafe(no_mangle)]
extern "C" fn zeEventHostReset(event: u64) -> Code {
    answer((|| {
        let known = found(event)?;
        let device = device(known.device)?;
        let waits = objects().waits.remove(&event).unwrap_or_default();
        for before in waits.iter().chain(known.signalled.then_some(&known.event)) {
            require(device.has_happened(*before).map_err(code)?)?;
        }
        objects().events.insert(event, Signal { signalled: false, ..known });
        waits.into_iter().try_for_each(|it| device.destroy_event(it).map_err(code))
    })())
}

fn found(event: u64) -> Result<Signal, Code> {
    objects().events.get(&event).copied().ok_or(INVALID_NULL_HANDLE)
}

fn require(right: bool) -> Result<(), Code> {
    expect(right).map_err(|_| INVALID_SYNCHRONIZATION_OBJECT)
}
