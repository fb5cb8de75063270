//! Contexts: which device the calls of a thread speak of.
//!
//! A context is a word: its number in the upper half, and the device's, from 1 on, in the
//! lower. A primary context has the number 0.

use std::cell::RefCell;
use std::ffi::{c_int, c_uint, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

use anymem_gpu_sim::Device;

use super::answer::{Answer, Code, answer};
use super::{ask, initialized, put};

/// How many contexts were created that are not primary.
static CREATED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The thread's contexts; the last is current.
    static STACK: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Uses the thread's contexts, which go before the thread does.
fn with_stack<T>(body: impl FnOnce(&mut Vec<u64>) -> T) -> Answer<T> {
    STACK.try_with(|stack| body(&mut stack.borrow_mut())).map_err(|_| Code::DEINITIALIZED)
}

fn current() -> Answer<u64> {
    with_stack(|stack| stack.last().copied().unwrap_or(0))
}

/// The current context's device.
pub(super) fn device() -> Answer<Device<'static>> {
    of(current()?)
}

/// A context's device.
pub(super) fn of(context: u64) -> Answer<Device<'static>> {
    let machine = initialized()?;
    let number = (context as u32).checked_sub(1).ok_or(Code::INVALID_CONTEXT)?;
    machine.device(number).map_err(|_| Code::INVALID_CONTEXT)
}

/// A device by its number.
pub(super) fn numbered(device: c_int) -> Answer<Device<'static>> {
    let number = u32::try_from(device).map_err(|_| Code::INVALID_DEVICE)?;
    Ok(initialized()?.device(number)?)
}

/// The primary context of a device.
pub(super) fn primary(device: Device<'_>) -> u64 {
    u64::from(device.number()) + 1
}

#[unsafe(no_mangle)]
extern "C" fn cuDevicePrimaryCtxRetain(context: Option<&mut u64>, device: c_int) -> c_int {
    answer(|| put(context, primary(numbered(device)?)))
}

#[unsafe(no_mangle)]
extern "C" fn cuDevicePrimaryCtxRelease_v2(device: c_int) -> c_int {
    answer(|| numbered(device).map(drop))
}

fn create(context: Option<&mut u64>, device: c_int) -> c_int {
    answer(|| {
        let primary = primary(numbered(device)?);
        let created = (CREATED.fetch_add(1, Ordering::Relaxed) + 1) << 32 | primary;
        put(context, created)?;
        with_stack(|stack| stack.push(created))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxCreate_v2(context: Option<&mut u64>, _flags: c_uint, device: c_int) -> c_int {
    create(context, device)
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxCreate_v4(
    context: Option<&mut u64>,
    _parameters: *mut c_void,
    _flags: c_uint,
    device: c_int,
) -> c_int {
    create(context, device)
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxDestroy_v2(context: u64) -> c_int {
    answer(|| {
        of(context)?;
        with_stack(|stack| {
            if stack.last() == Some(&context) {
                stack.pop();
            }
        })
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxGetCurrent(context: Option<&mut u64>) -> c_int {
    answer(|| {
        initialized()?;
        put(context, current()?)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSetCurrent(context: u64) -> c_int {
    answer(|| {
        initialized()?;
        if context != 0 {
            of(context)?;
        }
        with_stack(|stack| {
            stack.pop();
            stack.extend((context != 0).then_some(context));
        })
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxPushCurrent_v2(context: u64) -> c_int {
    answer(|| {
        of(context)?;
        with_stack(|stack| stack.push(context))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxPopCurrent_v2(context: Option<&mut u64>) -> c_int {
    answer(|| {
        initialized()?;
        let popped = with_stack(Vec::pop)?.ok_or(Code::INVALID_CONTEXT)?;
        if let Some(context) = context {
            *context = popped;
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxGetDevice(device: Option<&mut c_int>) -> c_int {
    ask(|current| put(device, current.number() as c_int))
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSynchronize() -> c_int {
    ask(|device| Ok(device.synchronize_all()?))
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxEnablePeerAccess(peer: u64, _flags: c_uint) -> c_int {
    ask(|_| of(peer).map(drop))
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxGetStreamPriorityRange(
    least: Option<&mut c_int>,
    greatest: Option<&mut c_int>,
) -> c_int {
    ask(|_| {
        // Either may be left out; there is one priority.
        least.into_iter().chain(greatest).for_each(|it| *it = 0);
        Ok(())
    })
}
