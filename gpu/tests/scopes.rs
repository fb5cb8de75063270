//! What scopes do when streams take their time, and when the device fails.

mod common;

use std::sync::Arc;

use anymem_gpu::driver::{Direction, Driver, SimDriver};
use anymem_gpu::{Device, GpuError, Scope, Stream};
use anymem_gpu_sim::{Call, Completion, Options, SimError, Trap};
use common::{one_test, this_program, word};

/// A device whose streams do nothing until somebody waits.
fn slow() -> (Arc<SimDriver>, Device) {
    let options = Options { completion: Completion::ByHand, devices: 2, ..Options::default() };
    let driver = SimDriver::new(options).expect("made");
    let device = Device::with_driver(driver.clone(), 0).expect("there");
    (driver, device)
}

const FAULT: SimError = SimError::Unsupported { what: "luck" };
const UNLUCKY: GpuError = GpuError::Unsupported { device: 0, what: "luck" };

/// Has a scope set 64 bytes to 7 and fetch them, of which nothing is done within it: what it
/// says, and the bytes then.
fn fetch(stream: &Stream) -> (Result<(), GpuError>, [u8; 64]) {
    let driver = stream.device().driver();
    let block = driver.allocate(0, 64).expect("room");
    // Copies to pageable memory are done before they return.
    let bytes = driver.allocate_pinned(0, 64).expect("room").cast::<[u8; 64]>();
    // SAFETY: the block is as long.
    unsafe { bytes.write([0; 64]) };
    let done = stream.scope(|scope: &Scope<'_, '_>| {
        // SAFETY: both blocks are there for longer than the scope.
        unsafe {
            scope.fill(block, 7, 64).expect("asked");
            scope.copy(word(bytes.as_ptr()), block, 64, Direction::ToHost).expect("asked");
        }
        // SAFETY: the stream does nothing before it is waited for.
        assert_eq!(unsafe { bytes.read() }, [0; 64], "not yet");
    });
    // SAFETY: the stream is done with them.
    unsafe {
        let then = bytes.read();
        driver.free(0, block).expect("freed");
        driver.free_pinned(0, bytes.cast()).expect("freed");
        (done, then)
    }
}

#[test]
fn what_was_asked_for_is_done_when_the_scope_has_ended() {
    let (_, device) = slow();
    assert_eq!(fetch(&Stream::new(&device).expect("made")), (Ok(()), [7; 64]));
}

#[test]
fn if_the_stream_cannot_be_waited_for_the_device_is() {
    let (driver, device) = slow();
    let stream = Stream::new(&device).expect("made");
    driver.machine().fail(Call::Synchronize, 0, 1, FAULT);
    assert_eq!(fetch(&stream), (Err(UNLUCKY), [7; 64]), "done all the same");
}

#[test]
fn a_device_that_is_lost_ends_the_scope() {
    let (driver, device) = slow();
    let stream = Stream::new(&device).expect("made");
    let lost = stream.scope(|_| driver.machine().lose(0, Trap::OnPurpose));
    assert!(matches!(lost, Err(GpuError::ContextLost { device: 0, .. })), "{lost:?}");
    let other = Device::with_driver(driver, 1).expect("there");
    assert_eq!(other.scope(|_| 5), Ok(5), "another device is well");
}

/// What [`a_scope_whose_end_cannot_be_known_ends_the_process`] starts.
#[test]
fn the_end_that_cannot_be_known() {
    if std::env::var_os("ANYMEM_GPU_TEST_UNKNOWN").is_none() {
        return;
    }
    let (driver, device) = slow();
    let stream = Stream::new(&device).expect("made");
    driver.machine().fail(Call::Synchronize, 0, 2, FAULT);
    let done = fetch(&stream);
    println!("went on with {done:?}");
}

#[test]
fn a_scope_whose_end_cannot_be_known_ends_the_process() {
    use std::os::unix::process::ExitStatusExt;

    let mut program = one_test(this_program(), "the_end_that_cannot_be_known");
    let output = program.env("ANYMEM_GPU_TEST_UNKNOWN", "1").output().expect("started");
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("went on"), "{output:?}");
}

#[test]
fn devices_are_the_same_by_driver_and_number() {
    let (driver, device) = slow();
    let again = Device::with_driver(driver.clone(), 0).expect("there");
    let (_, elsewhere) = slow();
    let other = Device::with_driver(driver, 1).expect("there");
    assert_eq!(device, again);
    assert!(device != elsewhere && device != other);
    let take = |_: &dyn Driver, _| Ok(());
    device.hold(100, take).expect("counted");
    again.hold(20, take).expect("counted");
    assert_eq!((device.held(), elsewhere.held(), other.held()), (120, 0, 0));
    drop((device, again.clone()));
    again.let_go(100);
    assert_eq!(again.held(), 20);
}

#[test]
fn streams_and_events_are_given_back_once() {
    let (driver, device) = slow();
    let counts = |calls: [Call; 2]| calls.map(|call| driver.machine().calls(call));
    let streams = || counts([Call::CreateStream, Call::DestroyStream]);
    let stream = Stream::new(&device).expect("made");
    let events = [stream.record(), stream.record()].map(|it| it.expect("recorded"));
    // SAFETY: `stream` lives longer.
    let borrowed = unsafe { Stream::borrow(&device, stream.id()) };
    drop((borrowed, stream.clone(), Stream::default_of(&device)));
    assert_eq!(streams(), [1, 0]);
    drop((stream, events));
    assert_eq!(streams(), [1, 1]);
    assert_eq!(counts([Call::CreateEvent, Call::DestroyEvent]), [2, 2]);
}
