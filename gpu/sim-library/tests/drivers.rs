//! The drivers of the vendors, each over its own names.
//!
//! - Bytes go there and back, in the order of streams, and events say when.
//! - What is registered, mapped, or opened in another process is the same memory.
//! - Whatever the device refuses is an error that says what; nothing is lost by it.

mod common;

use std::env;
use std::ffi::c_void;

use std::fmt::Write;
use std::ptr::NonNull;

use anymem_gpu::GpuError;
use anymem_gpu::driver::hip::HipDriver;
use anymem_gpu::driver::level_zero::LevelZeroDriver;
use anymem_gpu::driver::{Direction, Driver, DriverKind, Launch, StreamId};
use common::{alone, child};

const MEMORY: (&str, &str) = ("ANYMEM_GPU_SIM_MEMORY", "8M");
const GRANULARITY: (&str, &str) = ("ANYMEM_GPU_SIM_GRANULARITY", "64K");
const LAZY: (&str, &str) = ("ANYMEM_GPU_SIM_COMPLETION", "lazy");
const ELSEWHERE: (&str, &str) = ("ANYMEM_GPU_SIM_OTHER_ADDRESS", "1");
const PAIR: (&str, &str) = ("ANYMEM_GPU_SIM_DEVICES", "2");

fn address(bytes: &[u8]) -> u64 {
    bytes.as_ptr().expose_provenance() as u64
}

fn write(driver: &dyn Driver, to: u64, bytes: &[u8]) {
    let (from, direction) = (address(bytes), Direction::ToDevice);
    // SAFETY: the bytes are there, and whoever writes has as many.
    unsafe { driver.copy(0, None, to, from, bytes.len(), direction) }.expect("copied");
}

fn read(driver: &dyn Driver, from: u64, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    let to = read.as_mut_ptr().expose_provenance() as u64;
    // SAFETY: the vector has as many, and is there until the copy is done.
    unsafe { driver.copy(0, None, to, from, bytes, Direction::ToHost) }.expect("copied");
    read
}

fn free(driver: &dyn Driver, block: u64) {
    // SAFETY: nobody uses it.
    unsafe { driver.free(0, block) }.expect("freed");
}

/// Blocks of all kinds, copies and fills.
fn bytes_go_there_and_back(driver: &dyn Driver) {
    let (a, b) = (driver.allocate(0, 100).expect("room"), driver.allocate(0, 100).expect("room"));
    write(driver, a, b"some bytes");
    // SAFETY: both are as long.
    unsafe {
        driver.fill(0, None, b, 7, 100).expect("filled");
        driver.copy(0, None, b + 3, a, 10, Direction::Within).expect("copied");
    }
    assert_eq!(read(driver, b, 14), b"\x07\x07\x07some bytes\x07");
    assert_eq!(driver.base_of(0, b + 50).expect("known").0, b);
    let nowhere = GpuError::WrongAddress { device: 0, address: 64 };
    assert_eq!(driver.base_of(0, 64), Err(nowhere));
    let managed = driver.allocate_managed(0, 4096).expect("room");
    write(driver, managed, &[5; 4096]);
    let here: *const u8 = std::ptr::with_exposed_provenance(managed as usize);
    // SAFETY: managed memory is the processor's too.
    assert_eq!(unsafe { here.add(4095).read() }, 5);
    let pinned = driver.allocate_pinned(0, 4096).expect("room");
    // SAFETY: it is as long, and nobody uses it in the end.
    unsafe {
        pinned.as_ptr().write_bytes(9, 4096);
        let from = pinned.as_ptr().expose_provenance() as u64;
        driver.copy(0, None, a, from, 100, Direction::ToDevice).expect("copied");
        assert_eq!(read(driver, a, 100), [9; 100]);
        driver.free_pinned(0, pinned).expect("freed");
    }
    for block in [a, b, managed] {
        free(driver, block);
    }
    let (left, total) = driver.free_and_total(0).expect("told");
    assert_eq!((left, total), (8 << 20, 8 << 20));
}

fn refusals_say_what_is_wrong(driver: &dyn Driver) {
    let (total, asked) = (8 << 20, 9 << 20);
    let held = driver.allocate(0, 4096).expect("room");
    let full = GpuError::OutOfMemory { asked, free: total - 4096, total, held: 0 };
    assert_eq!(driver.allocate(0, asked), Err(full));
    for refused in [driver.allocate(0, 0), driver.allocate_managed(0, 0)] {
        assert!(matches!(refused, Err(GpuError::Driver { .. })), "{refused:?}");
    }
    let wrong = GpuError::WrongDevice { asked: 2, found: 2 };
    assert_eq!(driver.allocate(2, 1), Err(wrong.clone()));
    assert_eq!(
        driver.synchronize_device(u32::MAX),
        Err(match wrong {
            GpuError::WrongDevice { found, .. } => GpuError::WrongDevice { asked: u32::MAX, found },
            other => other,
        })
    );
    assert!(driver.load(0, b"no code").is_err());
    assert!(driver.load(0, b"").is_err());
    free(driver, held);
}

fn streams_are_in_order_and_events_say_when(driver: &dyn Driver) {
    let block = driver.allocate(0, 1).expect("room");
    let (one, two) =
        (driver.create_stream(0).expect("made"), driver.create_stream(0).expect("made"));
    let event = driver.create_event(0).expect("made");
    assert!(driver.has_happened(0, event).expect("known"), "nothing is recorded");
    // SAFETY: the block is there until all is done.
    unsafe {
        for byte in [5, 6, 1] {
            driver.fill(0, Some(one), block, byte, 1).expect("asked");
        }
        driver.record(0, event, one).expect("recorded");
        assert!(!driver.has_happened(0, event).expect("known"), "nothing is done yet");
        driver.wait(0, two, event).expect("asked");
        driver.fill(0, Some(two), block, 2, 1).expect("asked");
        // Recorded anew, what waits already still waits for what was before.
        driver.record(0, event, two).expect("recorded");
        driver.synchronize(0, two).expect("done");
        assert_eq!(read(driver, block, 1), [2], "first one, then the other");
        assert!(driver.has_happened(0, event).expect("known"));
        driver.fill(0, Some(one), block, 3, 1).expect("asked");
        driver.record(0, event, one).expect("recorded");
        driver.wait(0, two, event).expect("asked");
        driver.destroy_event(0, event).expect("there");
        driver.synchronize_device(0).expect("done");
        assert_eq!(read(driver, block, 1), [3]);
        for byte in [7, 8, 4] {
            driver.fill(0, Some(one), block, byte, 1).expect("asked");
        }
        let other = driver.create_event(0).expect("made");
        driver.record(0, other, one).expect("recorded");
        driver.record(0, other, one).expect("recorded while the first is to come");
        for byte in [7, 8, 4] {
            driver.fill(0, Some(one), block, byte, 1).expect("asked");
        }
        driver.destroy_stream(0, one).expect("there");
        driver.destroy_stream(0, two).expect("there");
    }
    driver.synchronize_device(0).expect("done");
    assert_eq!(read(driver, block, 1), [4], "a stream ends when all is done");
    free(driver, block);
}

/// An event has happened and is recorded anew, while a stream has not come to wait for it yet.
fn who_waits_late_waits_for_what_was(driver: &dyn Driver) {
    let (one, two) =
        (driver.create_stream(0).expect("made"), driver.create_stream(0).expect("made"));
    let (block, event) =
        (driver.allocate(0, 1).expect("room"), driver.create_event(0).expect("made"));
    for byte in 0..9 {
        // SAFETY: the block is there until all is done.
        unsafe { driver.fill(0, Some(two), block, byte, 1) }.expect("asked");
    }
    driver.record(0, event, one).expect("recorded");
    driver.wait(0, two, event).expect("asked");
    driver.synchronize(0, one).expect("done");
    assert!(driver.has_happened(0, event).expect("known"));
    driver.record(0, event, one).expect("recorded");
    driver.synchronize(0, two).expect("done");
    assert_eq!(read(driver, block, 1), [8]);
    // What is asked for is done before the block is gone.
    // SAFETY: as above.
    unsafe { driver.fill(0, Some(two), block, 1, 1) }.expect("asked");
    free(driver, block);
}

/// Events are recorded and waited for very often, and nobody waits for the device.
fn events_do_not_run_out(driver: &dyn Driver) {
    let (one, two) =
        (driver.create_stream(0).expect("made"), driver.create_stream(0).expect("made"));
    let block = driver.allocate(0, 1).expect("room");
    let event = driver.create_event(0).expect("made");
    for turn in 0..5000_u32 {
        // SAFETY: the block is there until all is done.
        unsafe { driver.fill(0, Some(one), block, turn as u8, 1) }.expect("asked");
        driver.record(0, event, one).expect("recorded");
        driver.wait(0, two, event).expect("asked");
    }
    driver.synchronize(0, two).expect("done");
    assert!(driver.has_happened(0, event).expect("known"));
    assert_eq!(read(driver, block, 1), [4999_u32 as u8]);
}

fn registered_memory_is_the_device_s_too(driver: &dyn Driver) {
    let mut host = vec![1_u8; 3 * 4096];
    let start = host.as_ptr().align_offset(4096) + 100;
    let part = NonNull::from(&mut host[start]);
    let block = driver.allocate(0, 4000).expect("room");
    // SAFETY: the vector outlives its registration.
    unsafe {
        let there = driver.register(0, part, 4000, false).expect("registered");
        let same = driver.attributes(0).expect("told").register_same_address;
        assert_eq!(there == part.as_ptr() as u64, same);
        driver.fill(0, None, block, 8, 4000).expect("filled");
        driver.copy(0, None, there, block, 4000, Direction::Within).expect("copied");
        assert_eq!(part.as_ptr().add(3999).read(), 8);
        assert_eq!(part.as_ptr().sub(1).read(), 1);
        assert!(driver.register(0, part, 4000, false).is_err(), "it is already");
        driver.unregister(0, part).expect("there");
        assert!(driver.unregister(0, part).is_err(), "it is not any more");
    }
    free(driver, block);
}

fn addresses_are_mapped(driver: &dyn Driver) {
    let bytes = driver.attributes(0).expect("told").map_granularity.expect("there");
    let place = driver.reserve(0, 4 * bytes).expect("reserved");
    let pages = driver.create_physical(0, bytes).expect("room");
    // SAFETY: what is mapped is unmapped before it is given back.
    unsafe {
        driver.map(0, place, bytes, pages).expect("mapped");
        write(driver, place + 5, b"stays");
        driver.unmap(0, place, bytes).expect("mapped");
        driver.map(0, place + 2 * bytes as u64, bytes, pages).expect("mapped");
        assert_eq!(read(driver, place + 2 * bytes as u64 + 5, 5), b"stays");
        driver.destroy_physical(0, pages).expect("there");
        driver.unmap(0, place + 2 * bytes as u64, bytes).expect("mapped");
        driver.release(0, place, 4 * bytes).expect("reserved");
    }
    assert_eq!(driver.free_and_total(0).expect("told").0, 8 << 20);
}

fn pages_go_by_descriptor(driver: &dyn Driver) {
    let bytes = driver.attributes(0).expect("told").map_granularity.expect("there");
    let place = driver.reserve(0, 2 * bytes).expect("reserved");
    let second = place + bytes as u64;
    let pages = driver.create_physical(0, bytes).expect("room");
    let descriptor = driver.export_physical(0, pages).expect("exported");
    let again = driver.import_physical(0, descriptor).expect("imported");
    // SAFETY: the addresses are reserved, and nothing is there.
    unsafe {
        driver.map(0, place, bytes, pages).expect("mapped");
        driver.map(0, second, bytes, again).expect("mapped");
    }
    write(driver, place, b"one");
    assert_eq!(read(driver, second, 3), b"one");
}

/// What fails leaves nothing behind.
fn refused_steps_are_taken_back(driver: &dyn Driver) {
    let bytes = driver.attributes(0).expect("told").map_granularity.expect("there");
    let place = driver.reserve(0, bytes).expect("reserved");
    let pages = driver.create_physical(0, bytes).expect("room");
    // SAFETY: the addresses are reserved, and nothing is there.
    unsafe {
        assert!(driver.map(0, place, bytes, pages).is_err(), "the device may not use it");
        driver.map(0, place, bytes, pages).expect("nothing is there");
    }
    assert!(matches!(driver.allocate(0, 64), Err(GpuError::OutOfMemory { asked: 64, .. })));
    free(driver, driver.allocate(0, 64).expect("room"));
}

/// A command on a block that is gone by then loses the device.
fn a_lost_device_says_so_from_then_on(driver: &dyn Driver) {
    let (here, there) =
        (driver.allocate(0, 8).expect("room"), driver.allocate(1, 8).expect("room"));
    let stream = driver.create_stream(1).expect("made");
    // SAFETY: the software device looks at addresses when it comes to them.
    unsafe { driver.copy_peer(1, Some(stream), there, 0, here, 8) }.expect("asked");
    free(driver, here);
    for _ in 0..2 {
        let lost = driver.synchronize(1, stream);
        assert!(matches!(lost, Err(GpuError::ContextLost { device: 1, .. })), "{lost:?}");
    }
    let lost = driver.allocate(1, 1);
    assert!(matches!(lost, Err(GpuError::ContextLost { device: 1, .. })), "{lost:?}");
    assert!(driver.allocate(0, 1).is_ok(), "the other device does not care");
}

fn peers_copy(driver: &dyn Driver) {
    let (here, there) =
        (driver.allocate(0, 8).expect("room"), driver.allocate(1, 8).expect("room"));
    let stream = driver.create_stream(0).expect("made");
    // SAFETY: the blocks are as long.
    unsafe {
        driver.fill(1, None, there, 6, 8).expect("filled");
        driver.copy_peer(0, Some(stream), here, 1, there, 8).expect("asked");
    }
    driver.synchronize(0, stream).expect("done");
    assert_eq!(read(driver, here, 8), [6; 8]);
}

fn a_forked_child_is_told(driver: &dyn Driver) {
    // SAFETY: the child calls the driver alone, and leaves without cleaning up.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let told = driver.allocate(0, 1) == Err(GpuError::Forked)
            && driver.devices() == Err(GpuError::Forked)
            // SAFETY: it is refused.
            && unsafe { driver.free(0, 64) } == Err(GpuError::Forked);
        // SAFETY: as above.
        unsafe { libc::_exit(i32::from(!told)) };
    }
    let mut status = -1;
    // SAFETY: the child is ours.
    unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(status, 0);
    assert!(driver.allocate(0, 1).is_ok(), "the parent goes on");
}

fn what_is_absent_is_said(driver: &dyn Driver) {
    let told = driver.attributes(0).expect("told");
    assert_eq!((told.managed, told.stream_ordered, told.map_granularity), (false, false, None));
    let refused = [
        driver.allocate_managed(0, 1).map(drop),
        driver.allocate_on(0, StreamId::default(), 1).map(drop),
        driver.reserve(0, 64 << 10).map(drop),
        driver.create_physical(0, 64 << 10).map(drop),
    ];
    for answer in refused {
        assert!(matches!(answer, Err(GpuError::Unsupported { device: 0, .. })), "{answer:?}");
    }
}

/// A kernel that has each thread write one value, and code as each vendor packs it.
const MARK: &str = r"
.version 7.0
.target sm_70
.address_size 64
.visible .entry mark(.param .u64 place, .param .u32 value)
{
    .reg .u64 %at<3>;
    .reg .u32 %v, %t;
    ld.param.u64 %at0, [place];
    ld.param.u32 %v, [value];
    mov.u32 %t, %tid.x;
    mul.wide.u32 %at1, %t, 4;
    add.u64 %at2, %at0, %at1;
    st.global.u32 [%at2], %v;
    ret;
}
";

/// As HIP's compiler packs code: a count, and for each part its place, length and name.
fn bundle(code: &str) -> Vec<u8> {
    let mut bundle = b"__CLANG_OFFLOAD_BUNDLE__".to_vec();
    let (name, offset) = ("hip", 24 + 8 + 3 * 8 + 3);
    for number in [1, offset, code.len(), name.len()] {
        bundle.extend((number as u64).to_le_bytes());
    }
    bundle.extend(name.bytes().chain(code.bytes()));
    bundle
}

fn kernels_run(driver: &dyn Driver) {
    let hip = driver.kind() == DriverKind::Hip;
    let code = if hip { bundle(MARK) } else { MARK.into() };
    let module = driver.load(0, &code).expect("loaded");
    assert!(driver.function(0, module, "no such").is_err());
    let kernel = driver.function(0, module, "mark").expect("there");
    let block = driver.allocate(0, 32).expect("room");
    let stream = driver.create_stream(0).expect("made");
    let value = 0x0706_0504_u32;
    let arguments = [(&raw const block).cast::<c_void>(), (&raw const value).cast()];
    let launch = Launch { blocks: 1, threads: 8, shared_bytes: 0, stream };
    // SAFETY: the kernel takes these, and the block is as long as it writes.
    unsafe { driver.launch(0, kernel, launch, &arguments) }.expect("asked");
    driver.synchronize(0, stream).expect("done");
    assert_eq!(read(driver, block, 32), value.to_le_bytes().repeat(8));
    // SAFETY: no kernel runs.
    unsafe { driver.unload(0, module) }.expect("loaded");
    assert!(driver.function(0, module, "mark").is_err(), "it is gone");
}

/// Opens a block of a parent's in a child of it.
fn a_block_is_opened_in_another_process(test: &str, driver: &dyn Driver) {
    const HANDLE: &str = "ANYMEM_TEST_HANDLE";
    if let Ok(text) = env::var(HANDLE) {
        let mut handle = [0; 64];
        for (place, digits) in handle.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).expect("digits");
            *place = u8::from_str_radix(digits, 16).expect("digits");
        }
        // SAFETY: the parent keeps the block until this ends.
        let opened = unsafe { driver.open(0, &handle) }.expect("opened");
        assert_eq!(read(driver, opened, 6), b"parent");
        write(driver, opened, b"child ");
        // SAFETY: nobody uses it.
        unsafe { driver.close(0, opened) }.expect("open");
        return;
    }
    let block = driver.allocate(0, 4096).expect("room");
    write(driver, block, b"parent");
    let handle = driver.export(0, block).expect("exported");
    let text = handle.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string");
        text
    });
    let output = child(test, &[]).env(HANDLE, text).output().expect("started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(read(driver, block, 6), b"child ");
    free(driver, block);
}

/// What is larger than a block usually may be has to be described otherwise to Level Zero.
fn large_blocks_are_blocks(driver: &dyn Driver) {
    let block = driver.allocate(0, 7 << 20).expect("room");
    write(driver, block + (7 << 20) - 4, b"last");
    free(driver, block);
    free(driver, driver.allocate_managed(0, 7 << 20).expect("room"));
}

fn registering_is_not_to_be_had(driver: &dyn Driver) {
    assert!(!driver.attributes(0).expect("told").register);
    let mut host = [0_u8; 64];
    // SAFETY: it is refused.
    let refused = unsafe { driver.register(0, NonNull::from(&mut host).cast(), 64, false) };
    assert!(matches!(refused, Err(GpuError::Unsupported { device: 0, .. })), "{refused:?}");
}

/// As real drivers of version 5.2 are.
fn old_ones_map_nothing(driver: &dyn Driver) {
    assert_eq!(driver.version(), Ok(50_200_000));
    assert_eq!(driver.attributes(0).expect("told").map_granularity, None);
    assert!(driver.attributes(0).expect("told").register);
    let refused = driver.reserve(0, 64 << 10);
    assert!(matches!(refused, Err(GpuError::Unsupported { device: 0, .. })), "{refused:?}");
}

/// The same for each vendor: name, body, environment.
macro_rules! suite {
    ($vendor:ident, $driver:ty, $kind:expr, {
        $($name:ident: $body:expr, [$($environment:expr),* $(,)?];)+
    }) => {
        mod $vendor {
            use super::*;

            fn driver() -> impl Driver {
                let driver = <$driver>::load().expect("the library is there");
                assert_eq!(driver.kind(), $kind);
                driver
            }

            $(#[test]
            fn $name() {
                let test = concat!(stringify!($vendor), "::", stringify!($name));
                alone(test, &[MEMORY, GRANULARITY, $($environment),*], || $body(&driver()));
            })+

            #[test]
            fn no_device_is_said() {
                let test = concat!(stringify!($vendor), "::no_device_is_said");
                alone(test, &[("ANYMEM_GPU_SIM_DEVICES", "0")], || {
                    let none = <$driver>::load().expect_err("there is none");
                    assert_eq!(none, GpuError::NoDevice { driver: $kind });
                });
            }

            #[test]
            fn blocks_are_opened_elsewhere() {
                let test = concat!(stringify!($vendor), "::blocks_are_opened_elsewhere");
                let body = || a_block_is_opened_in_another_process(test, &driver());
                alone(test, &[MEMORY, GRANULARITY], body);
            }
        }
    };
}

suite!(hip, HipDriver, DriverKind::Hip, {
    bytes: bytes_go_there_and_back, [];
    bytes_late: bytes_go_there_and_back, [LAZY];
    refusals: refusals_say_what_is_wrong, [PAIR];
    order: streams_are_in_order_and_events_say_when, [LAZY];
    waits: who_waits_late_waits_for_what_was, [LAZY];
    events: events_do_not_run_out, [LAZY];
    registered: registered_memory_is_the_device_s_too, [];
    registered_elsewhere: registered_memory_is_the_device_s_too, [ELSEWHERE];
    mapped: addresses_are_mapped, [];
    descriptors: pages_go_by_descriptor, [];
    version_5_2: old_ones_map_nothing, [("ANYMEM_GPU_SIM_HIP_VERSION", "50200000")];
    descriptors_before_7_1: pages_go_by_descriptor, [("ANYMEM_GPU_SIM_HIP_VERSION", "60000000")];
    taken_back: refused_steps_are_taken_back,
        [("ANYMEM_GPU_SIM_FAULTS", "SetAccess:0,Allocate:0")];
    lost: a_lost_device_says_so_from_then_on, [LAZY, PAIR];
    peers: peers_copy, [PAIR];
    large: large_blocks_are_blocks, [];
    kernels: kernels_run, [];
    kernels_late: kernels_run, [LAZY];
    forked: a_forked_child_is_told, [];
    absent: what_is_absent_is_said,
        [("ANYMEM_GPU_SIM_WITHOUT", "managed,stream-ordered,virtual-memory")];
});

/// An old driver opens blocks by another flag.
#[test]
fn hip_5_2_opens_blocks() {
    let test = "hip_5_2_opens_blocks";
    alone(test, &[MEMORY, ("ANYMEM_GPU_SIM_HIP_VERSION", "50200000")], || {
        a_block_is_opened_in_another_process(test, &HipDriver::load().expect("it is there"));
    });
}

#[test]
fn hip_before_5_2_is_too_old() {
    let version = ("ANYMEM_GPU_SIM_HIP_VERSION", "50100000");
    alone("hip_before_5_2_is_too_old", &[version], || {
        let (driver, needed) = (DriverKind::Hip, 50_200_000);
        let old = GpuError::DriverTooOld { driver, found: 50_100_000, needed };
        assert_eq!(HipDriver::load().expect_err("old"), old);
    });
}

#[test]
fn level_zero_before_1_0_is_too_old() {
    let version = ("ANYMEM_GPU_SIM_LEVEL_ZERO_VERSION", "9");
    alone("level_zero_before_1_0_is_too_old", &[version], || {
        let old =
            GpuError::DriverTooOld { driver: DriverKind::LevelZero, found: 9, needed: 0x1_0000 };
        assert_eq!(LevelZeroDriver::load().expect_err("old"), old);
    });
}

/// Whatever device a program has made current stays so.
#[test]
fn hip_leaves_the_current_device_alone() {
    alone("hip_leaves_the_current_device_alone", &[MEMORY, PAIR], || {
        // SAFETY: the functions have these types in HIP's headers.
        let library = unsafe { libloading::Library::new(common::library()) }.expect("there");
        type Get = unsafe extern "C" fn(&mut i32) -> i32;
        type Set = unsafe extern "C" fn(i32) -> i32;
        // SAFETY: as above.
        let (get, set) =
            unsafe { (library.get::<Get>("hipGetDevice"), library.get::<Set>("hipSetDevice")) };
        let (get, set) = (get.expect("there"), set.expect("there"));
        let driver = HipDriver::load().expect("it is there");
        let mut current = -1;
        // SAFETY: they take what they are given here.
        assert_eq!(unsafe { set(1) }, 0);
        free(&driver, driver.allocate(0, 64).expect("room"));
        assert!(driver.allocate(0, usize::MAX).is_err());
        // SAFETY: as above.
        assert_eq!((unsafe { get(&mut current) }, current), (0, 1));
    });
}

#[test]
fn level_zero_has_no_descriptors_of_pages() {
    alone("level_zero_has_no_descriptors_of_pages", &[MEMORY, GRANULARITY], || {
        let driver = LevelZeroDriver::load().expect("it is there");
        let pages = driver.create_physical(0, 64 << 10).expect("room");
        let refused = driver.export_physical(0, pages).expect_err("there are none");
        assert!(matches!(refused, GpuError::Unsupported { device: 0, .. }), "{refused}");
    });
}

suite!(level_zero, LevelZeroDriver, DriverKind::LevelZero, {
    bytes: bytes_go_there_and_back, [];
    bytes_late: bytes_go_there_and_back, [LAZY];
    refusals: refusals_say_what_is_wrong, [PAIR];
    order: streams_are_in_order_and_events_say_when, [LAZY];
    waits: who_waits_late_waits_for_what_was, [LAZY];
    events: events_do_not_run_out, [LAZY];
    registered: registered_memory_is_the_device_s_too, [];
    mapped: addresses_are_mapped, [];
    taken_back: refused_steps_are_taken_back,
        [("ANYMEM_GPU_SIM_FAULTS", "SetAccess:0,Allocate:0")];
    lost: a_lost_device_says_so_from_then_on, [LAZY, PAIR];
    peers: peers_copy, [PAIR];
    large: large_blocks_are_blocks, [];
    kernels: kernels_run, [];
    kernels_late: kernels_run, [LAZY];
    forked: a_forked_child_is_told, [];
    unregistered: registering_is_not_to_be_had, [("ANYMEM_GPU_SIM_WITHOUT_MEMMAP", "1")];
    absent: what_is_absent_is_said,
        [("ANYMEM_GPU_SIM_WITHOUT", "managed,stream-ordered,virtual-memory")];
});
