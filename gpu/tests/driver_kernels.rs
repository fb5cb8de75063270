//! Code for devices, on each driver that takes PTX.

mod common;

use std::ffi::c_void;
use std::ptr::from_ref;

use anymem_gpu::driver::{DriverKind, FunctionId, Launch, ModuleId, StreamId};
use anymem_gpu::{Device, GpuError, Stream};
use common::{device, one_test, outcome, read, this_program, without, write};

/// What [`a_kernel_that_goes_astray_loses_the_context`] starts looks for this.
const ASTRAY: &str = "ANYMEM_GPU_TEST_ASTRAY";

/// Thread `i` of `count` adds `factor * i` to the word `i` of `words`.
const ADD: &str = "
.version 7.0
.target sm_70
.address_size 64

.visible .entry add(.param .u64 words, .param .u32 factor, .param .u32 count)
{
    .reg .pred %p<2>;
    .reg .b32 %r<8>;
    .reg .b64 %d<4>;
    ld.param.u64 %d1, [words];
    ld.param.u32 %r1, [factor];
    ld.param.u32 %r2, [count];
    mov.u32 %r3, %ctaid.x;
    mov.u32 %r4, %ntid.x;
    mov.u32 %r5, %tid.x;
    mad.lo.u32 %r6, %r3, %r4, %r5;
    setp.ge.u32 %p1, %r6, %r2;
    @%p1 bra DONE;
    mul.wide.u32 %d2, %r6, 4;
    add.u64 %d3, %d1, %d2;
    ld.global.u32 %r7, [%d3];
    mad.lo.u32 %r7, %r6, %r1, %r7;
    st.global.u32 [%d3], %r7;
DONE:
    ret;
}
";

#[test]
fn on_all_drivers() {
    common::everywhere();
}

/// The device, if it takes PTX.
fn with_ptx() -> Option<Device> {
    let device = device();
    let takes = matches!(device.kind(), DriverKind::Cuda | DriverKind::Sim);
    if !takes {
        without("PTX");
    }
    takes.then_some(device)
}

fn add(device: &Device) -> (ModuleId, FunctionId) {
    let module = device.driver().load(0, ADD.as_bytes()).expect("loaded");
    (module, device.driver().function(0, module, "add").expect("there"))
}

/// Adds to `count` words, by more threads than words.
///
/// # Safety
///
/// As [`Driver::launch`](anymem_gpu::driver::Driver::launch).
unsafe fn launch(
    device: &Device,
    stream: StreamId,
    function: FunctionId,
    (words, factor, count): (u64, u32, u32),
) -> Result<(), GpuError> {
    let launch = Launch { blocks: count.div_ceil(32) + 1, threads: 32, shared_bytes: 0, stream };
    let arguments: [*const c_void; 3] =
        [from_ref(&words).cast(), from_ref(&factor).cast(), from_ref(&count).cast()];
    // SAFETY: the arguments are those of `add`; the rest is passed on from the caller.
    unsafe { device.driver().launch(0, function, launch, &arguments) }
}

fn words_of(bytes: Vec<u8>) -> Vec<u32> {
    bytes.chunks_exact(4).map(|it| u32::from_ne_bytes(it.try_into().expect("four"))).collect()
}

#[test]
fn threads_compute_in_the_order_of_a_stream() {
    let Some(device) = with_ptx() else { return };
    let (driver, (module, function)) = (device.driver(), add(&device));
    let block = driver.allocate(0, 4000).expect("room");
    write(&device, block, &[0; 4000]);
    let stream = Stream::new(&device).expect("made");
    // SAFETY: the block has that many words, and is there until the stream is done.
    unsafe {
        launch(&device, stream.id(), function, (block, 3, 1000)).expect("asked");
        launch(&device, stream.id(), function, (block, 10, 500)).expect("asked");
    }
    stream.synchronize().expect("done");
    let factor = |at| if at < 500 { 13 } else { 3 };
    let expected: Vec<u32> = (0..1000).map(|at| factor(at) * at).collect();
    assert_eq!(words_of(read(&device, block, 4000)), expected);
    // SAFETY: nobody uses them.
    unsafe {
        driver.unload(0, module).expect("unloaded");
        driver.free(0, block).expect("freed");
    }
}

#[test]
fn code_that_is_none_is_refused() {
    let Some(device) = with_ptx() else { return };
    let driver = device.driver();
    for code in ["this is no code", &ADD.replace("mad.lo", "mad.nonsense")] {
        let error = driver.load(0, code.as_bytes()).expect_err("refused");
        assert!(matches!(error, GpuError::Driver { .. } | GpuError::Unsupported { .. }), "{error}");
    }
    let (module, _) = add(&device);
    for name in ["subtract", "", "add\0"] {
        let error = driver.function(0, module, name).expect_err("not there");
        assert!(matches!(error, GpuError::Driver { .. }), "{error}");
    }
    // SAFETY: nobody uses it.
    unsafe { driver.unload(0, module) }.expect("unloaded");
}

#[test]
fn a_kernel_that_goes_astray_loses_the_context() {
    if with_ptx().is_none() {
        return;
    }
    // In a process of its own, which it is the end of.
    let mut program = one_test(this_program(), "the_one_who_goes_astray");
    outcome(program.env(ASTRAY, "1")).expect("it was told");
}

/// What [`a_kernel_that_goes_astray_loses_the_context`] starts.
#[test]
fn the_one_who_goes_astray() {
    if std::env::var_os(ASTRAY).is_none() {
        return;
    }
    let device = device();
    let (_, function) = add(&device);
    let stream = Stream::new(&device).expect("made");
    // The first page is nobody's. SAFETY: the device refuses it.
    let launched = unsafe { launch(&device, stream.id(), function, (64, 1, 1)) };
    let code = match launched.and_then(|()| stream.synchronize()) {
        Err(GpuError::ContextLost { device: 0, code }) => code,
        other => panic!("{other:?}"),
    };
    // All that comes then says so, and nothing of it is waited for in vain.
    let lost = Err(GpuError::ContextLost { device: 0, code });
    assert_eq!(device.synchronize(), lost);
    assert_eq!(stream.scope(|_| ()), lost);
    assert!(device.driver().allocate(0, 64).is_err());
}
