//! Several processes.
//!
//! - Who touches memory of a device dies of SIGSEGV, also where it was freed or unmapped.
//! - Another process opens a block, and both see what either does; also when its owner is dead.
//! - A child of a fork has no device.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Arc;

use anymem_gpu_sim::{Access, IpcHandle, Machine, Options, SimError};
use common::{child, read, told, write};

fn machine() -> Arc<Machine> {
    let options = Options { memory: 1 << 20, granularity: 64 << 10, ..Options::default() };
    Machine::new(options).expect("made")
}

/// An address of a device, made in one of the ways there are.
fn address(machine: &Machine, way: &str) -> u64 {
    let device = machine.device(0).expect("there");
    let block = device.allocate(8).expect("room");
    let bytes = 64 << 10;
    let place = device.reserve(bytes).expect("addresses");
    let mapped = || {
        let pages = device.create_pages(bytes).expect("room");
        device.map(place, bytes, pages).expect("mapped");
        device.set_access(place, bytes, Access::Write).expect("mapped");
    };
    match way {
        "block" => return block,
        "freed" => {
            device.free(block).expect("there");
            return block;
        }
        "reserved" => {}
        "mapped" => mapped(),
        "unmapped" => {
            mapped();
            device.unmap(place, bytes).expect("mapped");
        }
        other => panic!("{other}"),
    }
    place
}

#[test]
fn the_processor_cannot_touch_it() {
    const TEST: &str = "the_processor_cannot_touch_it";
    if let Some(way) = told(TEST) {
        let machine = machine();
        let here: *mut u8 = std::ptr::with_exposed_provenance_mut(address(&machine, &way) as usize);
        println!("before");
        // SAFETY: it is not: that is the point, and what ends the child.
        unsafe { here.write_volatile(1) };
        println!("after");
        return;
    }
    for way in ["block", "freed", "reserved", "mapped", "unmapped"] {
        let output = child(TEST, way).output().expect("started");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("before") && !said.contains("after"), "{way}: {said}");
        assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{way}");
    }
}

fn to_text(handle: &IpcHandle) -> String {
    handle.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_text(text: &str) -> IpcHandle {
    let byte = |index: usize| u8::from_str_radix(&text[2 * index..2 * index + 2], 16);
    std::array::from_fn(|index| byte(index).expect("hex"))
}

/// A child that shows a handle of a block of a page, and waits for a line before it goes on.
struct Exporter {
    process: Child,
    said: BufReader<ChildStdout>,
}

impl Exporter {
    fn start(test: &str) -> (Self, IpcHandle) {
        let mut command = child(test, "");
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
        let mut said = BufReader::new(process.stdout.take().expect("piped"));
        let handle = loop {
            let mut line = String::new();
            assert_ne!(said.read_line(&mut line).expect("text"), 0, "it has ended");
            // The test harness writes before, and on the same line.
            if let Some((_, handle)) = line.trim_end().split_once("handle ") {
                break of_text(handle);
            }
        };
        (Self { process, said }, handle)
    }

    /// What the child does.
    fn run(byte_after: u8) {
        let machine = machine();
        let device = machine.device(0).expect("there");
        let block = device.allocate(4096).expect("room");
        device.fill(None, block, 1, 4096).expect("filled");
        println!("handle {}", to_text(&device.export(block).expect("exported")));
        std::io::stdin().read_line(&mut String::new()).expect("told to go on");
        assert_eq!(read(device, block, 4096), [byte_after; 4096]);
    }

    fn go_on(mut self) {
        self.process.stdin.take().expect("piped").write_all(b"\n").expect("it waits");
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).expect("text");
        assert!(self.process.wait().expect("ended").success(), "{rest}");
    }

    fn kill(mut self) {
        self.process.kill().expect("it waits");
        self.process.wait().expect("ended");
    }
}

#[test]
fn a_block_is_the_same_in_another_process() {
    const TEST: &str = "a_block_is_the_same_in_another_process";
    if told(TEST).is_some() {
        return Exporter::run(2);
    }
    let (exporter, handle) = Exporter::start(TEST);
    let machine = machine();
    let device = machine.device(0).expect("there");
    let block = device.open(&handle).expect("opened");
    assert_eq!(device.open(&handle), Ok(block), "it is opened once");
    assert_eq!(device.base_of(block + 100), Ok((block, 4096)));
    assert_eq!(read(device, block, 4096), [1; 4096]);
    device.fill(None, block, 2, 4096).expect("filled");
    assert_eq!(device.free_and_total(), Ok((1 << 20, 1 << 20)), "it is the other's");
    let wrong = SimError::WrongAddress { address: block };
    assert_eq!(device.free(block), Err(wrong.clone()));
    device.close(block).expect("opened twice");
    assert_eq!(read(device, block, 1), [2]);
    device.close(block).expect("opened twice");
    assert_eq!(device.close(block), Err(wrong.clone()));
    assert_eq!(device.fill(None, block, 3, 1), Err(wrong));
    exporter.go_on();
}

#[test]
fn a_block_outlives_its_owner() {
    const TEST: &str = "a_block_outlives_its_owner";
    if told(TEST).is_some() {
        return Exporter::run(0);
    }
    let (exporter, handle) = Exporter::start(TEST);
    let machine = machine();
    let device = machine.device(0).expect("there");
    let block = device.open(&handle).expect("opened");
    exporter.kill();
    assert_eq!(read(device, block, 4096), [1; 4096]);
    device.close(block).expect("opened");
    let gone = device.open(&handle);
    assert!(matches!(gone, Err(SimError::WrongHandle { .. })), "{gone:?}");
}

#[test]
fn handles_of_nothing_are_refused() {
    let machine = machine();
    let device = machine.device(0).expect("there");
    let block = device.allocate(8).expect("room");
    let own = device.export(block).expect("exported");
    let wrong = |handle: &IpcHandle| {
        assert!(matches!(device.open(handle), Err(SimError::WrongHandle { .. })));
    };
    wrong(&own);
    wrong(&[0; 64]);
    let mut other = own;
    // The process is another one, which has no such file.
    other[8..12].copy_from_slice(&1_u32.to_ne_bytes());
    wrong(&other);
    let inside = block + 1;
    assert_eq!(device.export(inside), Err(SimError::WrongAddress { address: inside }));
    let ordered = device.allocate_on(device.default_stream(), 8).expect("room");
    assert!(matches!(device.export(ordered), Err(SimError::Invalid { .. })));
}

#[test]
fn a_fork_has_no_device() {
    const TEST: &str = "a_fork_has_no_device";
    if told(TEST).is_none() {
        // A child of one thread, for it is to fork.
        let status = child(TEST, "").arg("--test-threads=1").status().expect("started");
        return assert!(status.success());
    }
    let machine = machine();
    let device = machine.device(0).expect("there");
    let block = device.allocate(8).expect("room");
    // SAFETY: the child calls nothing that another thread may have locked, and ends at once.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let refused = [device.allocate(8).map(drop), device.free(block), device.synchronize_all()];
        let all = !machine.is_here() && refused.iter().all(|it| *it == Err(SimError::Forked));
        // SAFETY: nothing is to be done before the end.
        unsafe { libc::_exit(if all { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: it is this process's child.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    assert_eq!(status, 0);
    write(device, None, block, b"here");
    assert_eq!(read(device, block, 4), b"here");
}
