//! Drivers and other processes: children, and those that blocks are opened in.

mod common;

use anymem_gpu::driver::{self, IpcBytes};
use anymem_gpu::{Device, GpuError, Stream};
use common::{device, one_test, outcome, read, this_program, without, write};

/// What the other process is told.
const HANDLE: &str = "ANYMEM_GPU_TEST_HANDLE";

#[test]
fn on_all_drivers() {
    common::everywhere();
}

#[test]
fn a_forked_child_is_told_and_harms_nothing() {
    let device = device();
    let (kind, block) = (device.kind(), device.driver().allocate(0, 64).expect("room"));
    write(&device, block, &[5; 64]);
    let stream = Stream::new(&device).expect("made");
    let event = stream.record().expect("recorded");
    // SAFETY: the child calls what it is to be told of, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let told = [
            driver::load(kind).err(),
            Device::open(kind, 0).err(),
            device.free_and_total().err(),
            device.synchronize().err(),
            stream.synchronize().err(),
            event.has_happened().err(),
            Stream::new(&device).err(),
            device.driver().allocate(0, 64).err(),
            device.scope(|_| ()).err(),
            stream.scope(|_| ()).err(),
            // SAFETY: it is refused.
            unsafe { device.driver().free(0, block) }.err(),
        ];
        let all = told.iter().all(|error| *error == Some(GpuError::Forked));
        drop((stream, event));
        // SAFETY: ends the child without what the parent is to do at exit.
        unsafe { libc::_exit(if all { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: it is a child of this process, and nobody else waits for it.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child was not told, or failed");
    stream.synchronize().expect("the parent's streams are there");
    assert_eq!(read(&device, block, 64), [5; 64]);
    // SAFETY: nobody uses it.
    unsafe { device.driver().free(0, block) }.expect("freed");
}

#[test]
fn a_block_is_opened_in_another_process() {
    let device = device();
    if !device.attributes().expect("known").ipc {
        return without("blocks in other processes");
    }
    let block = device.driver().allocate(0, 1 << 21).expect("room");
    let (base, _) = device.driver().base_of(0, block).expect("known");
    write(&device, base + 100, b"from here");
    let handle = match device.driver().export(0, base) {
        // CUDA says it of what it is asked for, and not before.
        Err(GpuError::Unsupported { what, .. }) => return without(what),
        exported => exported.expect("exported"),
    };
    let text = handle.map(|byte| format!("{byte:02x}")).concat();
    let mut other = one_test(this_program(), "the_other_process");
    let said = outcome(other.env(HANDLE, text)).expect("it went well there");
    assert!(said.contains("opened"), "{said}");
    assert_eq!(read(&device, base + 200, 10), b"from there");
    // SAFETY: nobody uses it any more.
    unsafe { device.driver().free(0, block) }.expect("freed");
}

/// No test by itself: what [`a_block_is_opened_in_another_process`] starts.
#[test]
fn the_other_process() {
    let Ok(text) = std::env::var(HANDLE) else { return };
    let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex");
    let handle: IpcBytes = std::array::from_fn(byte);
    let device = device();
    // SAFETY: the block is there until this process has ended.
    let at = unsafe { device.driver().open(0, &handle) }.expect("opened");
    assert_eq!(read(&device, at + 100, 9), b"from here");
    write(&device, at + 200, b"from there");
    // SAFETY: nobody uses it.
    unsafe { device.driver().close(0, at) }.expect("was open");
    println!("opened");
}
