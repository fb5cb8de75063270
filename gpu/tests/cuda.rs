//! CUDA's library, whatever it is.

mod common;

use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use anymem_gpu::driver::{self, DriverKind, StreamId};
use anymem_gpu::pool::{CudarcPool, DevicePool};
use anymem_gpu::{Device, Stream};
use common::software::{Folder, library};
use common::{one_test, outcome, this_program};
use cudarc::driver::result::ctx;
use cudarc::driver::{CudaContext, DevicePtrMut};

/// What tells another process why it was started.
const LOOK: &str = "ANYMEM_GPU_TEST_LOOK";

/// What loading CUDA says to a process that finds `library` for it.
fn heard_of(library: &Path, settings: &[(&str, &str)]) -> String {
    let folder = Folder::with_cuda(library);
    let mut program = one_test(folder.found_by(this_program()), "the_one_who_looks");
    let program = program.env(LOOK, "1").envs(settings.iter().copied());
    let said = outcome(program).expect("it looked");
    said.lines().find_map(|line| line.strip_prefix("heard: ")).expect("heard").to_string()
}

/// What [`heard_of`] starts.
#[test]
fn the_one_who_looks() {
    if std::env::var_os(LOOK).is_some() {
        let loaded = driver::load(DriverKind::Cuda).map(|driver| driver.devices());
        println!("\nheard: {loaded:?}");
    }
}

/// A library that this process has, by the start of its name.
fn mapped(name: &str) -> PathBuf {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("readable");
    let mut paths = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    let is_it = |path: &&str| path.rsplit('/').next().is_some_and(|it| it.starts_with(name));
    paths.find(is_it).expect(name).into()
}

#[test]
fn a_library_of_something_else_lacks_the_functions() {
    let heard = heard_of(&mapped("libc.so"), &[]);
    assert_eq!(heard, "Err(SymbolMissing { driver: Cuda, symbol: \"cuInit\" })");
}

#[test]
fn a_machine_without_devices_says_so() {
    let heard = heard_of(&library(), &[("ANYMEM_GPU_SIM_DEVICES", "0")]);
    assert_eq!(heard, "Err(NoDevice { driver: Cuda })");
    assert_eq!(heard_of(&library(), &[("ANYMEM_GPU_SIM_DEVICES", "3")]), "Ok(Ok(3))");
}

#[test]
fn a_driver_before_11_0_is_too_old() {
    let heard = heard_of(&library(), &[("ANYMEM_GPU_SIM_CUDA_VERSION", "10020")]);
    assert_eq!(heard, "Err(DriverTooOld { driver: Cuda, found: 10020, needed: 11000 })");
    assert_eq!(heard_of(&library(), &[("ANYMEM_GPU_SIM_CUDA_VERSION", "11000")]), "Ok(Ok(1))");
}

/// Runs `test` of this program again, in a process that has the software device as CUDA, as
/// `settings` say; whether this is that process.
fn is_on_software(test: &str, settings: &[(&str, &str)]) -> bool {
    if std::env::var_os(LOOK).is_some_and(|it| it == test) {
        return true;
    }
    let folder = Folder::with_cuda(&library());
    let mut program = one_test(folder.found_by(this_program()), test);
    outcome(program.env(LOOK, test).envs(settings.iter().copied())).expect("went well");
    false
}

#[test]
fn streams_of_cudarc_are_borrowed() {
    if !is_on_software("streams_of_cudarc_are_borrowed", &[]) {
        return;
    }
    let context = CudaContext::new(0).expect("there");
    let theirs = context.new_stream().expect("made");
    let device = Device::open(DriverKind::Cuda, 0).expect("the same");
    // SAFETY: `theirs` lives longer.
    let ours = unsafe {
        Stream::borrow(&device, StreamId::from_raw(theirs.cu_stream().expose_provenance() as u64))
    };
    let mut block = theirs.alloc_zeros::<u8>(64).expect("room");
    let (at, guard) = block.device_ptr_mut(&theirs);
    // SAFETY: the block is there for longer than the scope, and the stream is its own.
    ours.scope(|scope| unsafe { scope.fill(at, 9, 32) }).expect("done").expect("asked");
    drop(guard);
    let bytes = theirs.clone_dtoh(&block).expect("copied");
    assert_eq!((&bytes[..32], &bytes[32..]), (&[9; 32][..], &[0; 32][..]));
    drop(ours);
    theirs.synchronize().expect("it is still there");
}

#[test]
fn slices_of_a_pool_are_cudarcs() {
    if !is_on_software("slices_of_a_pool_are_cudarcs", &[]) {
        return;
    }
    let context = CudaContext::new(0).expect("there");
    let [stream, other] = [(); 2].map(|()| context.new_stream().expect("made"));
    let device = Device::open(DriverKind::Cuda, 0).expect("the same");
    let pool = DevicePool::new(&device).expect("a pool");
    let slices = CudarcPool::new(&pool, &stream).expect("of the same device");
    let mut numbers = slices.alloc_zeros::<f32>(1000).expect("room");
    stream.memcpy_htod(&[1.5; 10], &mut numbers.view_mut().slice_mut(5..15)).expect("copied");
    let seen = other.clone_dtoh(&*numbers).expect("copied");
    assert_eq!((seen[4], seen[5], seen[14], seen[15]), (0.0, 1.5, 1.5, 0.0));
    assert_eq!(pool.stats().used, 4096);
    drop(numbers);
    assert_eq!(pool.stats().blocks, 0);
    // SAFETY: nothing reads it.
    let rest = unsafe { slices.alloc::<u8>(0) }.expect("a block of its own");
    assert!(rest.view().is_empty());
    drop(rest);
    drop((slices, stream));
    // The pool has kept the stream, which is waited for.
    assert!(pool.trim(0).expect("trimmed") > 0);
    assert_eq!(device.held(), 0);
}

#[test]
fn the_context_of_a_thread_is_put_back() {
    let two = [("ANYMEM_GPU_SIM_DEVICES", "2")];
    if !is_on_software("the_context_of_a_thread_is_put_back", &two) {
        return;
    }
    let devices = [0, 1].map(|number| Device::open(DriverKind::Cuda, number).expect("there"));
    let current = || ctx::get_current().expect("known");
    assert_eq!(current(), None);
    devices[1].synchronize().expect("done");
    let second = current().expect("ours stays where there was none");
    devices[1].free_and_total().expect("known");
    assert_eq!(current(), Some(second));
    devices[0].free_and_total().expect("known");
    devices[0].driver().allocate(0, usize::MAX / 2).expect_err("there is no room");
    assert_eq!(current(), Some(second));
    let elsewhere = || std::thread::spawn(|| ctx::get_current().expect("known").is_none()).join();
    assert!(elsewhere().expect("well"), "other threads have their own");
}

#[test]
fn steps_that_fail_are_taken_back() {
    let faults = [("ANYMEM_GPU_SIM_FAULTS", "SetAccess:0,Ask:0")];
    if !is_on_software("steps_that_fail_are_taken_back", &faults) {
        return;
    }
    let device = Device::open(DriverKind::Cuda, 0).expect("there");
    let (driver, bytes) = (device.driver(), 2 << 20);
    let mut page = vec![0_u8; 1 << 16];
    let host = NonNull::from(&mut page[..]).cast();
    // SAFETY: the vector is there until it is unregistered; what is mapped is used by nobody.
    unsafe {
        // It was registered when its address on the device could not be told.
        driver.register(0, host, page.len(), false).expect_err("wanted");
        driver.register(0, host, page.len(), false).expect("it was unregistered");
        driver.unregister(0, host).expect("was registered");

        let at = driver.reserve(0, bytes).expect("addresses");
        let pages = driver.create_physical(0, bytes).expect("room");
        // It was mapped when the device could not be given access.
        driver.map(0, at, bytes, pages).expect_err("wanted");
        driver.map(0, at, bytes, pages).expect("it was unmapped");
        driver.fill(0, None, at, 1, bytes).expect("filled");
        driver.unmap(0, at, bytes).expect("was mapped");
    }
}
