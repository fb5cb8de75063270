//! CUDA's names: those that cudarc's safe layer calls for memory, streams, events and kernels,
//! those of this project's driver, and those of UMF's CUDA provider.
//!
//! # Like the real thing
//!
//! - Nothing works before `cuInit`, nor in a child of a fork; most things need a context.
//! - Contexts are per thread, and a stack. Streams 0 and 1 are the default one.
//! - With unified addressing, `cuMemcpy` and its like tell from the addresses which way to go,
//!   from device to device too.
//! - Results are CUDA's numbers. After an illegal address, all calls say so.
//!
//! # Unlike it
//!
//! - All contexts of a device have its memory and streams in common, and none of that goes
//!   when one is destroyed.
//! - The threads' own default stream (2) is the device's.
//! - Events know no times; kernels have no shared memory.
//! - Memory pools are the device's memory by other names; they keep nothing.
//! - The version is what `ANYMEM_GPU_SIM_CUDA_VERSION` says, but nothing is missing in old ones.

mod answer;
mod context;
mod copies;
mod devices;
mod events;
mod host;
mod ipc;
mod kernels;
mod memory;
mod pages;
mod pointers;
mod pools;
mod streams;

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anymem_gpu_sim::{Device, Machine, Stream};

use self::answer::{Answer, Code, answer};
use crate::machine::{self, machine};

/// 12.8, unless the environment says another.
const VERSION: c_int = 12_080;

/// Whether `cuInit` was called.
static INITIALIZED: AtomicBool = AtomicBool::new(false);

#[unsafe(no_mangle)]
extern "C" fn cuInit(flags: u32) -> c_int {
    answer(|| {
        expect(flags == 0)?;
        machine().ok_or(Code::NO_DEVICE)?;
        INITIALIZED.store(true, Ordering::Release);
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDriverGetVersion(version: Option<&mut c_int>) -> c_int {
    answer(|| put(version, machine::version("ANYMEM_GPU_SIM_CUDA_VERSION", VERSION)))
}

/// The machine, once it is initialized, and in the process that did that.
fn initialized() -> Answer<&'static Arc<Machine>> {
    let machine = machine().filter(|it| INITIALIZED.load(Ordering::Acquire) && it.is_here());
    machine.ok_or(Code::NOT_INITIALIZED)
}

/// Asks the current context's device for something.
fn ask(ask: impl FnOnce(Device<'static>) -> Answer<()>) -> c_int {
    answer(|| ask(context::device()?))
}

/// Asks a stream's device for something.
fn ask_on(stream: u64, ask: impl FnOnce(Device<'static>, Stream) -> Answer<()>) -> c_int {
    answer(|| {
        if matches!(stream, 0..=2) {
            let device = context::device()?;
            return ask(device, device.default_stream());
        }
        let (machine, stream) = (initialized()?, Stream::of(stream));
        let device = machine.device_of(stream).ok_or(Code::INVALID_HANDLE)?;
        ask(machine.device(device)?, stream)
    })
}

/// Writes a result where it is wanted.
fn put<T>(place: Option<&mut T>, value: T) -> Answer<()> {
    *given(place)? = value;
    Ok(())
}

fn given<T>(argument: Option<T>) -> Answer<T> {
    argument.ok_or(Code::INVALID_VALUE)
}

fn expect(right: bool) -> Answer<()> {
    if right { Ok(()) } else { Err(Code::INVALID_VALUE) }
}
