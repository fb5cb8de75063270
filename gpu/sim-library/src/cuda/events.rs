//! Events, which know no times.

use std::ffi::{c_int, c_uint};

use anymem_gpu_sim::Event;

use super::answer::Code;
use super::{ask, ask_on, put};

#[unsafe(no_mangle)]
extern "C" fn cuEventCreate(event: Option<&mut u64>, _flags: c_uint) -> c_int {
    ask(|device| put(event, device.create_event()?.number()))
}

#[unsafe(no_mangle)]
extern "C" fn cuEventDestroy_v2(event: u64) -> c_int {
    ask(|device| Ok(device.destroy_event(Event::of(event))?))
}

#[unsafe(no_mangle)]
extern "C" fn cuEventRecord(event: u64, stream: u64) -> c_int {
    ask_on(stream, |device, stream| Ok(device.record(Event::of(event), stream)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuEventQuery(event: u64) -> c_int {
    ask(|device| if device.has_happened(Event::of(event))? { Ok(()) } else { Err(Code::NOT_READY) })
}

#[unsafe(no_mangle)]
extern "C" fn cuEventSynchronize(event: u64) -> c_int {
    ask(|device| Ok(device.wait_until_happened(Event::of(event))?))
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamWaitEvent(stream: u64, event: u64, _flags: c_uint) -> c_int {
    ask_on(stream, |device, stream| Ok(device.wait(stream, Event::of(event))?))
}
