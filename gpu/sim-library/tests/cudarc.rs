//! cudarc, unchanged, on the software device.
//!
//! - Its safe layer allocates, copies, fills and launches, in streams that wait for each other.
//! - What the device refuses is the error that CUDA would give, with its name.
//! - The processor cannot touch what it allocates, and others can open it.

mod common;

use std::env;
use std::ffi::c_void;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;

use anymem_gpu::GpuError;
use anymem_gpu::driver::{self, Direction, DriverKind};
use common::{alone, child, library};
use cudarc::driver::{CudaContext, DevicePtr, LaunchConfig, PushKernelArg, result, sys};
use cudarc::nvrtc::Ptx;

/// Each thread doubles a number.
const DOUBLE: &str = include_str!("../../sim/tests/double.ptx");

/// Where a program finds the library under the names of CUDA's.
fn folder() -> &'static str {
    static FOLDER: OnceLock<String> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let library = library();
        // Beside it, for a link from elsewhere outlives the library of a copy of this program.
        let folder = library.with_file_name("cuda");
        std::fs::create_dir_all(&folder).expect("made");
        for name in ["libcuda.so", "libcuda.so.1"] {
            let link = folder.join(name);
            // Another test may do the same at the same time: what counts is that it is there.
            let _ = symlink(Path::new("..").join(library.file_name().expect("a file")), &link);
            assert!(link.exists(), "{}", link.display());
        }
        folder.to_str().expect("text").to_owned()
    })
}

/// Runs a test in a child that finds the library, with more environment.
fn with_cuda(test: &str, environment: &[(&str, &str)], body: impl FnOnce()) {
    let more = [("LD_LIBRARY_PATH", folder()), ("ANYMEM_GPU_SIM_MEMORY", "16M")];
    alone(test, &[&more, environment].concat(), body);
}

const LAZY: (&str, &str) = ("ANYMEM_GPU_SIM_COMPLETION", "lazy");
const BACKGROUND: (&str, &str) = ("ANYMEM_GPU_SIM_COMPLETION", "background");

/// Slices, streams, events and kernels of cudarc's safe layer.
fn all_that_is_safe() {
    let context = CudaContext::new(0).expect("a device");
    assert_eq!(context.name().expect("named"), "software device 0");
    assert_eq!(context.mem_get_info().expect("told"), (16 << 20, 16 << 20));
    let (first, second) = (context.default_stream(), context.new_stream().expect("made"));
    let numbers = first.clone_htod(&[1_u32, 2, 3, 4]).expect("copied");
    second.join(&first).expect("waits");
    let mut copy = second.alloc_zeros::<u32>(4).expect("room");
    second.memcpy_dtod(&numbers, &mut copy).expect("copied");
    let module = context.load_module(Ptx::from_src(DOUBLE)).expect("understood");
    let double = module.load_function("double").expect("there");
    let shape = LaunchConfig { grid_dim: (1, 1, 1), block_dim: (4, 1, 1), shared_mem_bytes: 0 };
    let mut launch = second.launch_builder(&double);
    launch.arg(&mut copy);
    // SAFETY: the kernel takes the address of as many numbers as it has threads.
    unsafe { launch.launch(shape) }.expect("launched");
    assert_eq!(second.clone_dtoh(&copy).expect("copied"), [2, 4, 6, 8]);
    first.join(&second).expect("waits");
    assert_eq!(first.clone_dtoh(&numbers).expect("copied"), [1, 2, 3, 4]);
    let event = first.record_event(None).expect("recorded");
    event.synchronize().expect("happened");
    assert!(event.is_complete());
    drop((numbers, copy));
    context.synchronize().expect("done");
    assert_eq!(context.mem_get_info().expect("told").0, 16 << 20);
}

#[test]
fn the_safe_layer_works() {
    with_cuda("the_safe_layer_works", &[], all_that_is_safe);
}

#[test]
fn the_safe_layer_works_when_commands_wait() {
    with_cuda("the_safe_layer_works_when_commands_wait", &[LAZY], all_that_is_safe);
}

#[test]
fn the_safe_layer_works_while_commands_run() {
    with_cuda("the_safe_layer_works_while_commands_run", &[BACKGROUND], all_that_is_safe);
}

#[test]
fn the_safe_layer_works_without_stream_ordered_allocation() {
    let without = ("ANYMEM_GPU_SIM_WITHOUT", "stream-ordered");
    let test = "the_safe_layer_works_without_stream_ordered_allocation";
    with_cuda(test, &[without], all_that_is_safe);
}

#[test]
fn pinned_and_unified_memory_is_of_both() {
    with_cuda("pinned_and_unified_memory_is_of_both", &[LAZY], || {
        let context = CudaContext::new(0).expect("a device");
        let stream = context.new_stream().expect("made");
        // SAFETY: it is written before it is read.
        let mut pinned = unsafe { context.alloc_pinned::<u8>(4) }.expect("room");
        pinned.as_mut_slice().expect("mine").copy_from_slice(&[1, 2, 3, 4]);
        // SAFETY: as above.
        let mut unified = unsafe { context.alloc_unified::<u8>(4, true) }.expect("room");
        stream.memcpy_htod(&pinned, &mut unified).expect("asked");
        stream.synchronize().expect("done");
        assert_eq!(unified.as_slice().expect("mine"), [1, 2, 3, 4]);
    });
}

#[test]
fn what_is_too_much_is_out_of_memory() {
    with_cuda("what_is_too_much_is_out_of_memory", &[], || {
        let stream = CudaContext::new(0).expect("a device").default_stream();
        let error = stream.alloc_zeros::<u8>(17 << 20).expect_err("too much");
        assert_eq!(error.0, sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY);
        let name = error.error_name().expect("known");
        assert_eq!(name.to_str(), Ok("CUDA_ERROR_OUT_OF_MEMORY"));
        stream.alloc_zeros::<u8>(16 << 20).expect("room");
    });
}

#[test]
fn there_is_no_device() {
    with_cuda("there_is_no_device", &[("ANYMEM_GPU_SIM_DEVICES", "0")], || {
        let error = CudaContext::new(0).expect_err("no device");
        assert_eq!(error.0, sys::CUresult::CUDA_ERROR_NO_DEVICE);
        let none = GpuError::NoDevice { driver: DriverKind::Cuda };
        assert_eq!(driver::load(DriverKind::Cuda).map(drop), Err(none));
    });
}

#[test]
fn faults_come_when_the_environment_says() {
    let fault = ("ANYMEM_GPU_SIM_FAULTS", "Allocate:1,Synchronize:0");
    with_cuda("faults_come_when_the_environment_says", &[fault], || {
        let context = CudaContext::new(0).expect("a device");
        // SAFETY: nobody uses the blocks.
        let allocate = || unsafe { result::malloc_sync(64) };
        allocate().expect("the first goes well");
        let error = allocate().expect_err("the second does not");
        assert_eq!(error.0, sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY);
        allocate().expect("the third goes well");
        let error = context.synchronize().expect_err("not either");
        assert_eq!(error.0, sys::CUresult::CUDA_ERROR_NOT_SUPPORTED);
    });
}

#[test]
fn an_illegal_address_is_the_end() {
    with_cuda("an_illegal_address_is_the_end", &[], || {
        let context = CudaContext::new(0).expect("a device");
        let stream = context.default_stream();
        let module = context.load_module(Ptx::from_src(DOUBLE)).expect("understood");
        let double = module.load_function("double").expect("there");
        let nowhere = 64_u64;
        let mut launch = stream.launch_builder(&double);
        launch.arg(&nowhere);
        // SAFETY: the kernel finds that the address is none.
        unsafe { launch.launch(LaunchConfig::for_num_elems(1)) }.expect("launched");
        let error = stream.synchronize().expect_err("it was none");
        assert_eq!(error.0, sys::CUresult::CUDA_ERROR_ILLEGAL_ADDRESS);
        let error = stream.alloc_zeros::<u8>(1).expect_err("for good");
        assert_eq!(error.0, sys::CUresult::CUDA_ERROR_ILLEGAL_ADDRESS);
    });
}

#[test]
fn the_processor_cannot_touch_it() {
    const TEST: &str = "the_processor_cannot_touch_it";
    let touch = || {
        let stream = CudaContext::new(0).expect("a device").default_stream();
        let slice = stream.alloc_zeros::<u8>(8).expect("room");
        let (address, _guard) = slice.device_ptr(&stream);
        let here: *const u8 = std::ptr::with_exposed_provenance(address as usize);
        println!("before");
        // SAFETY: it is not: that is the point, and what ends the child.
        println!("it is {}", unsafe { here.read_volatile() });
    };
    if common::is_child(TEST) {
        return touch();
    }
    let output = child(TEST, &[("LD_LIBRARY_PATH", folder())]).output().expect("started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("before") && !said.contains("it is"), "{said}");
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
}

#[test]
fn addresses_tell_what_they_are() {
    with_cuda("addresses_tell_what_they_are", &[("ANYMEM_GPU_SIM_DEVICES", "2")], || {
        let contexts = [0, 1].map(|number| CudaContext::new(number).expect("a device"));
        let streams = contexts.each_ref().map(|context| context.default_stream());
        let there = streams[1].clone_htod(&[5_u8; 100]).expect("copied");
        streams[1].synchronize().expect("done");
        let (address, _guard) = there.device_ptr(&streams[1]);
        contexts[0].bind_to_thread().expect("bound");
        let mut pinned = std::ptr::null_mut::<c_void>();
        let (mut kind, mut device) = (0_u32, 9_i32);
        let ask = |to: *mut c_void, what, address| {
            // SAFETY: there is room for the value.
            unsafe { sys::cuPointerGetAttribute(to, what, address) }.result().expect("known");
        };
        use sys::CUpointer_attribute_enum::{
            CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL as ORDINAL,
            CU_POINTER_ATTRIBUTE_MEMORY_TYPE as KIND,
        };
        ask((&raw mut kind).cast(), KIND, address + 99);
        ask((&raw mut device).cast(), ORDINAL, address);
        assert_eq!((kind, device), (2, 1));
        // SAFETY: the block is there for 100 bytes, and nobody else uses it; the addresses say
        // that it is from another device to the processor.
        unsafe {
            sys::cuMemHostAlloc(&raw mut pinned, 100, 0).result().expect("room");
            ask((&raw mut kind).cast(), KIND, pinned as u64);
            assert_eq!(kind, 1);
            sys::cuMemcpy(pinned as u64, address, 100).result().expect("copied");
            assert_eq!(std::slice::from_raw_parts(pinned.cast::<u8>(), 100), [5; 100]);
            sys::cuMemFreeHost(pinned).result().expect("freed");
        }
    });
}

#[test]
fn another_process_opens_it() {
    const TEST: &str = "another_process_opens_it";
    const HANDLE: &str = "ANYMEM_TEST_HANDLE";
    with_cuda(TEST, &[], || {
        let stream = CudaContext::new(0).expect("a device").default_stream();
        if let Ok(handle) = env::var(HANDLE) {
            return open(&handle);
        }
        // SAFETY: the block is as long as what is copied.
        let block = unsafe {
            let block = result::malloc_sync(64).expect("room");
            result::memcpy_htod_sync(block, &[3_u8; 64]).expect("copied");
            block
        };
        let mut handle = sys::CUipcMemHandle { reserved: [0; 64] };
        // SAFETY: there is room for it.
        unsafe { sys::cuIpcGetMemHandle(&raw mut handle, block) }.result().expect("exported");
        let text: String = handle.reserved.iter().map(|it| format!("{:02x}", *it as u8)).collect();
        let mut other = child(TEST, &[(HANDLE, &text)]).stdout(Stdio::piped()).spawn().expect("ok");
        let mut said = String::new();
        other.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
        assert!(other.wait().expect("ended").success() && said.contains("1 passed"), "{said}");
        let mut back = [0_u8; 64];
        // SAFETY: both are as long.
        unsafe { result::memcpy_dtoh_sync(&mut back, block) }.expect("copied");
        assert_eq!(back, [4; 64]);
        drop(stream);
    });
}

/// Finds what the other process wrote, and writes something else.
fn open(handle: &str) {
    let mut reserved = [0; 64];
    for (index, byte) in reserved.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&handle[2 * index..2 * index + 2], 16).expect("hex") as _;
    }
    let mut address = 0;
    let mut bytes = [0_u8; 64];
    // SAFETY: the handle is of a block that is there, of as many bytes.
    unsafe {
        let handle = sys::CUipcMemHandle { reserved };
        sys::cuIpcOpenMemHandle_v2(&raw mut address, handle, 1).result().expect("opened");
        result::memcpy_dtoh_sync(&mut bytes, address).expect("copied");
        assert_eq!(bytes, [3; 64]);
        result::memset_d8_sync(address, 4, 64).expect("filled");
        sys::cuIpcCloseMemHandle(address).result().expect("closed");
    }
}

#[test]
fn the_driver_of_this_project_works_too() {
    with_cuda("the_driver_of_this_project_works_too", &[], || {
        let driver = driver::load(DriverKind::Cuda).expect("there");
        let attributes = driver.attributes(0).expect("known");
        assert_eq!((attributes.total, attributes.map_granularity), (16 << 20, Some(2 << 20)));
        assert!(attributes.ipc && attributes.stream_ordered && attributes.register);
        let block = driver.allocate(0, 4096).expect("room");
        let mut bytes = [0_u8; 16];
        let to = bytes.as_mut_ptr().expose_provenance() as u64;
        // SAFETY: both sides are as long, and nobody uses the block in the end.
        unsafe {
            driver.fill(0, None, block, 7, 4096).expect("filled");
            driver.copy(0, None, to, block, 16, Direction::ToHost).expect("copied");
            driver.free(0, block).expect("freed");
        }
        assert_eq!(bytes, [7; 16]);
    });
}
