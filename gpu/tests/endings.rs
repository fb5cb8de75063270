//! Programs that end while they have memory of devices: whatever goes last, nothing fails.

mod common;

use std::alloc::Layout;
use std::cell::RefCell;
use std::sync::OnceLock;

use anymem::memory::Memory;
use anymem_gpu::ipc::{self, OpenedBlock};
use anymem_gpu::pool::{DevicePool, StreamPool};
use anymem_gpu::{Device, DeviceAddress, DeviceMemory, GpuError, PinnedMemory, Stream};
use common::{device, this_program};

/// What a program is told to do.
const PART: &str = "ANYMEM_GPU_TEST_ENDING";

/// One of each thing that has memory of a device, or waits for others.
struct Things {
    device: Device,
    stream: Stream,
    memory: DeviceMemory,
    pinned: PinnedMemory,
    block: DeviceAddress,
    host: <PinnedMemory as Memory>::Address,
    pool: StreamPool,
    pooled: DeviceAddress,
    opened: Option<OpenedBlock>,
}

const LAYOUT: Layout = Layout::new::<[u64; 512]>();

impl Things {
    fn new() -> Self {
        let device = device();
        let stream = Stream::new(&device).expect("made");
        let (memory, pinned) =
            (DeviceMemory::new(&device).expect("made"), PinnedMemory::new(&device));
        let pool = DevicePool::new(&device).expect("made").on(&stream).expect("made");
        let block = memory.allocate(LAYOUT).expect("room");
        let opened = match ipc::get(&device, block, LAYOUT.size()) {
            Err(GpuError::Unsupported { .. }) => None,
            handle => Some(ipc::open(&device, &handle.expect("offered")).expect("offered")),
        };
        let host = pinned.allocate(LAYOUT).expect("room");
        let pooled = pool.allocate(LAYOUT).expect("room");
        Self { device, stream, memory, pinned, block, host, pool, pooled, opened }
    }
}

impl Drop for Things {
    fn drop(&mut self) {
        // SAFETY: nobody uses them, but this very process has one open.
        unsafe {
            self.memory.free(self.block, LAYOUT);
            self.pinned.free(self.host, LAYOUT);
            let _ = self.pool.free(self.pooled);
        }
        assert_eq!(self.stream.device(), &self.device);
        drop(self.opened.take());
        ipc::settle();
    }
}

#[test]
fn on_all_drivers() {
    common::everywhere();
}

thread_local! {
    static OF_THREAD: RefCell<Option<Things>> = const { RefCell::new(None) };
}

static OF_PROCESS: OnceLock<Things> = OnceLock::new();

extern "C" fn at_exit() {
    // SAFETY: the process ends, so nobody uses the things of the static any more.
    unsafe { std::ptr::read(OF_PROCESS.get().expect("there")) };
}

/// No test by itself: what the others start.
#[test]
fn program() {
    let Ok(part) = std::env::var(PART) else { return };
    match part.as_str() {
        "thread" => std::thread::spawn(|| OF_THREAD.set(Some(Things::new()))).join().expect("ends"),
        "exit" => {
            // Before the driver is loaded, so it is called after what the driver has for exit.
            // SAFETY: the handler is a function that lives for ever.
            assert_eq!(unsafe { libc::atexit(at_exit) }, 0);
            let _ = OF_PROCESS.set(Things::new());
            std::process::exit(0);
        }
        "leak" => std::mem::forget(Things::new()),
        "fork" => fork(),
        part => panic!("no such part: {part}"),
    }
}

/// A child that drops all that it has a copy of.
fn fork() {
    let things = Things::new();
    let held = things.device.held();
    // SAFETY: the child drops what it has, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(things);
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(0) };
    }
    let mut status = -1;
    // SAFETY: the status is writable.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child failed");
    assert_eq!(things.device.held(), held);
    if let Some(opened) = &things.opened {
        opened.write(0, &[7_u64]).expect("the child closed nothing");
    }
    things.device.synchronize().expect("it is there");
}

fn ends_well(part: &str) {
    let mut program = this_program();
    let program = program.args(["--exact", "program", "--nocapture"]).env(PART, part);
    let output = program.output().expect("started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{part}: {} {said}", output.status);
    assert!(!said.contains("panicked"), "{part}: {said}");
}

#[test]
fn things_of_a_thread_go_with_it() {
    ends_well("thread");
}

#[test]
fn things_may_go_after_the_driver() {
    ends_well("exit");
}

#[test]
fn things_may_stay() {
    ends_well("leak");
}

#[test]
fn a_forked_child_gives_nothing_back() {
    ends_well("fork");
}
