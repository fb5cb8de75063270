//! Streams and events.

use std::ffi::{c_int, c_uint};

use anymem_gpu_sim::{Event, Stream};

use super::{ask, put, stream_of};

/// `hipStreamNonBlocking`.
const NON_BLOCKING: c_uint = 1;
/// `hipErrorNotReady`.
const NOT_READY: c_int = 600;

#[unsafe(no_mangle)]
extern "C" fn hipStreamCreateWithFlags(stream: Option<&mut u64>, flags: c_uint) -> c_int {
    let blocking = flags & NON_BLOCKING == 0;
    ask(|device| put(stream, device.create_stream(blocking)?.number()))
}

#[unsafe(no_mangle)]
extern "C" fn hipStreamDestroy(stream: u64) -> c_int {
    ask(|device| device.destroy_stream(Stream::of(stream)))
}

#[unsafe(no_mangle)]
extern "C" fn hipStreamSynchronize(stream: u64) -> c_int {
    ask(|device| device.synchronize(stream_of(device, stream)))
}

#[unsafe(no_mangle)]
extern "C" fn hipDeviceSynchronize() -> c_int {
    ask(|device| device.synchronize_all())
}

#[unsafe(no_mangle)]
extern "C" fn hipEventCreateWithFlags(event: Option<&mut u64>, _flags: c_uint) -> c_int {
    ask(|device| put(event, device.create_event()?.number()))
}

#[unsafe(no_mangle)]
extern "C" fn hipEventDestroy(event: u64) -> c_int {
    ask(|device| device.destroy_event(Event::of(event)))
}

#[unsafe(no_mangle)]
extern "C" fn hipEventRecord(event: u64, stream: u64) -> c_int {
    ask(|device| device.record(Event::of(event), stream_of(device, stream)))
}

#[unsafe(no_mangle)]
extern "C" fn hipStreamWaitEvent(stream: u64, event: u64, _flags: c_uint) -> c_int {
    ask(|device| device.wait(stream_of(device, stream), Event::of(event)))
}

#[unsafe(no_mangle)]
extern "C" fn hipEventQuery(event: u64) -> c_int {
    let mut happened = false;
    let code = ask(|device| put(Some(&mut happened), device.has_happened(Event::of(event))?));
    if code == 0 && !happened { NOT_READY } else { code }
}
