//! What is said where there is no driver.

mod common;

use anymem_gpu::driver::{self, DriverKind};
use anymem_gpu::{Device, GpuError};
use common::{one_test, outcome, this_program};

/// The libraries that cudarc looks for first, and that the toolkit has.
fn has_cuda() -> bool {
    ["libcuda.so.1", "libcuda.so"].iter().any(|name| {
        // SAFETY: what the library does when it is loaded is to set up its own state.
        unsafe { libloading::Library::new(*name) }.is_ok()
    })
}

#[test]
fn cuda_is_absent_without_harm() {
    let loaded = driver::load(DriverKind::Cuda);
    if has_cuda() {
        // The library may be there without a device: then it says what is wrong.
        let known = |error: &GpuError| !matches!(error, GpuError::NoDriver { .. });
        assert!(loaded.as_ref().err().is_none_or(known), "{loaded:?}");
        println!("skipped: the library of CUDA is here");
        return;
    }
    let library = "libcuda.so or libcuda.so.1";
    let nowhere = GpuError::NoDriver { driver: DriverKind::Cuda, library };
    // Again and again, for nothing of a failure is kept.
    for _ in 0..3 {
        assert_eq!(driver::load(DriverKind::Cuda).expect_err("absent"), nowhere);
        assert_eq!(Device::open(DriverKind::Cuda, 0).expect_err("absent"), nowhere);
    }
    assert!(nowhere.to_string().contains("libcuda.so.1"), "{nowhere}");
    assert!(Device::all().iter().all(|device| device.kind() != DriverKind::Cuda));
}

/// What [`a_device_that_is_required_is_not_skipped`] starts.
#[test]
fn a_device_of_cuda() {
    if let Some(device) = common::real(DriverKind::Cuda) {
        assert_eq!(device.kind(), DriverKind::Cuda);
    }
}

#[test]
fn a_device_that_is_required_is_not_skipped() {
    let passes_with = |required: &str| {
        let mut program = one_test(this_program(), "a_device_of_cuda");
        outcome(program.env("ANYMEM_GPU_REQUIRED", required)).is_ok()
    };
    assert!(passes_with("") && passes_with("sim"));
    let there = Device::open(DriverKind::Cuda, 0).is_ok();
    assert_eq!(passes_with("cuda"), there);
    assert_eq!(passes_with("sim, cuda"), there);
}
