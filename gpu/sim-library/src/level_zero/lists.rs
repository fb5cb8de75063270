//! Immediate command lists. They do their commands in order, but want the barriers that those
//! of a real device need.

use std::ptr::NonNull;

use anymem_gpu_sim::{Device, Side, Stream};

use super::drivers::is;
use super::memory::owner;
use super::objects::{Head, List, device, objects};
use super::{CONTEXT, Code, INVALID_ARGUMENT, INVALID_NULL_HANDLE, answer, ask, code, expect, put};

/// `ze_command_queue_desc_t`.
#[repr(C)]
struct QueueDesc {
    head: Head,
    group: u32,
    index: u32,
    flags: u32,
    mode: u32,
    priority: u32,
}

/// The group of queues that does everything.
const ALL: u32 = 1;
/// `ZE_COMMAND_QUEUE_MODE_ASYNCHRONOUS`.
const ASYNCHRONOUS: u32 = 2;

#[unsafe(no_mangle)]
extern "C" fn zeCommandListCreateImmediate(
    context: u64,
    handle: u64,
    desc: Option<&QueueDesc>,
    list: Option<&mut u64>,
) -> Code {
    ask(handle, |it| {
        is(context, CONTEXT)?;
        let desc = desc.ok_or(INVALID_NULL_HANDLE)?;
        desc.head.is(0xe)?;
        expect(desc.group == ALL && desc.mode == ASYNCHRONOUS)?;
        let stream = it.create_stream(false).map_err(code)?;
        let mut objects = objects();
        let made = objects.handle();
        objects.lists.insert(made, List { device: it.number(), stream, open: false });
        put(list, made)
    })
}

/// Level Zero wants it to be done first.
#[unsafe(no_mangle)]
extern "C" fn zeCommandListDestroy(list: u64) -> Code {
    answer((|| {
        let known = objects().lists.remove(&list).ok_or(INVALID_NULL_HANDLE)?;
        let device = device(known.device)?;
        expect(device.is_done(known.stream).map_err(code)?)?;
        device.destroy_stream(known.stream).map_err(code)
    })())
}

#[unsafe(no_mangle)]
extern "C" fn zeCommandListAppendBarrier(
    list: u64,
    signal: u64,
    count: u32,
    _events: *const u64,
) -> Code {
    answer((|| {
        expect(signal == 0 && count == 0)?;
        objects().lists.get_mut(&list).ok_or(INVALID_NULL_HANDLE)?.open = false;
        Ok(())
    })())
}

/// # Safety
///
/// As [`Device::copy`](anymem_gpu_sim::Device::copy).
#[unsafe(no_mangle)]
unsafe extern "C" fn zeCommandListAppendMemoryCopy(
    list: u64,
    to: u64,
    from: u64,
    bytes: usize,
    signal: u64,
    count: u32,
    _events: *const u64,
) -> Code {
    append(list, |device, stream| {
        expect(signal == 0 && count == 0)?;
        let (to, from) = (side(device, to)?, side(device, from)?);
        // SAFETY: the caller's.
        unsafe { device.copy(Some(stream), to, from, bytes) }.map_err(code)
    })
}

#[unsafe(no_mangle)]
extern "C" fn zeCommandListAppendMemoryFill(
    list: u64,
    at: u64,
    pattern: Option<&u8>,
    pattern_bytes: usize,
    bytes: usize,
    signal: u64,
    count: u32,
    _events: *const u64,
) -> Code {
    append(list, |device, stream| {
        expect(signal == 0 && count == 0 && pattern_bytes == 1)?;
        let byte = *pattern.ok_or(INVALID_ARGUMENT)?;
        device.fill(Some(stream), at, byte, bytes).map_err(code)
    })
}

/// Appends a command; one that may overtake the one before is refused.
pub(super) fn append(
    list: u64,
    command: impl FnOnce(Device<'static>, Stream) -> Result<(), Code>,
) -> Code {
    answer((|| {
        let known = *objects().lists.get(&list).ok_or(INVALID_NULL_HANDLE)?;
        expect(!known.open)?;
        command(device(known.device)?, known.stream)?;
        objects().lists.get_mut(&list).ok_or(INVALID_NULL_HANDLE)?.open = true;
        Ok(())
    })())
}

/// Whose an address is; what no device knows is the processor's.
fn side(device: Device<'_>, address: u64) -> Result<Side, Code> {
    Ok(match owner(address)? {
        Some(number) if number == device.number() => Side::Device(address),
        Some(number) => Side::Peer(number, address),
        None => {
            let host = std::ptr::with_exposed_provenance_mut(address as usize);
            Side::Host(NonNull::new(host).ok_or(INVALID_ARGUMENT)?)
        }
    })
}
