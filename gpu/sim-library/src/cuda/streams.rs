//! Streams.

use std::ffi::{c_int, c_uint, c_void};

use super::answer::Code;
use super::{ask, ask_on, context, put};

/// `CU_STREAM_NON_BLOCKING`.
const NON_BLOCKING: c_uint = 1;

#[unsafe(no_mangle)]
extern "C" fn cuStreamCreate(stream: Option<&mut u64>, flags: c_uint) -> c_int {
    ask(|device| put(stream, device.create_stream(flags & NON_BLOCKING == 0)?.number()))
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamCreateWithPriority(
    stream: Option<&mut u64>,
    flags: c_uint,
    _priority: c_int,
) -> c_int {
    cuStreamCreate(stream, flags)
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamDestroy_v2(stream: u64) -> c_int {
    ask_on(stream, |device, stream| Ok(device.destroy_stream(stream)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamSynchronize(stream: u64) -> c_int {
    ask_on(stream, |device, stream| Ok(device.synchronize(stream)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamQuery(stream: u64) -> c_int {
    ask_on(
        stream,
        |device, stream| {
            if device.is_done(stream)? { Ok(()) } else { Err(Code::NOT_READY) }
        },
    )
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamGetCtx(stream: u64, context: Option<&mut u64>) -> c_int {
    ask_on(stream, |device, _| put(context, context::primary(device)))
}

/// No stream is captured: there are no graphs.
#[unsafe(no_mangle)]
extern "C" fn cuStreamIsCapturing(stream: u64, status: Option<&mut c_int>) -> c_int {
    ask_on(stream, |_, _| put(status, 0))
}

/// # Safety
///
/// The function may be called with that argument, from any thread.
#[unsafe(no_mangle)]
unsafe extern "C" fn cuLaunchHostFunc(
    stream: u64,
    function: Option<unsafe extern "C" fn(*mut c_void)>,
    argument: *mut c_void,
) -> c_int {
    ask_on(stream, |device, stream| {
        let (function, argument) = (super::given(function)?, argument.expose_provenance());
        let call = move || {
            // SAFETY: the caller's.
            unsafe { function(std::ptr::with_exposed_provenance_mut(argument)) }
        };
        Ok(device.call(stream, call)?)
    })
}
