//! The real libraries of AMD and Intel, on machines with and without their devices.
//!
//! `ci/gpu-libraries.sh` installs them. Where there is no device, each says so; libraries that
//! are not there, or are another's, are told apart from that.

#![cfg(all(feature = "hip", feature = "level-zero"))]

use std::io::{Write, stderr};
use std::path::Path;
use std::process::Command;

use anymem_gpu::GpuError;
use anymem_gpu::driver::hip::HipDriver;
use anymem_gpu::driver::level_zero::LevelZeroDriver;
use anymem_gpu::driver::{self, Driver, DriverKind};

/// What is loaded, or why not.
type Loaded = Result<Box<dyn Driver>, GpuError>;

/// Each vendor: its kind, its first function, its variable, and how it is loaded from a file.
type Vendor = (DriverKind, &'static str, &'static str, fn(&Path) -> Loaded);

const VENDORS: [Vendor; 2] = [
    (DriverKind::Hip, "hipInit", "ANYMEM_HIP_LIBRARY", |file| {
        Ok(Box::new(HipDriver::load_from(file)?))
    }),
    (DriverKind::LevelZero, "zeInit", "ANYMEM_LEVEL_ZERO_LIBRARY", |file| {
        Ok(Box::new(LevelZeroDriver::load_from(file)?))
    }),
];

/// Says so, past the harness, which shows nothing of tests that pass.
fn skipped(why: &str) {
    let _ = stderr().write_all(format!("skipped: {why}\n").as_bytes());
}

#[test]
fn without_a_device_the_real_libraries_say_so() {
    for (kind, ..) in VENDORS {
        match driver::load(kind) {
            Err(GpuError::NoDriver { driver, library }) => {
                assert_eq!(driver, kind);
                skipped(&format!("{library} is not here (ci/gpu-libraries.sh installs it)"));
            }
            Err(error) => assert_eq!(error, GpuError::NoDevice { driver: kind }),
            Ok(loaded) => {
                assert!(loaded.devices().expect("counted") > 0);
                assert!(loaded.allocate(u32::MAX, 1).is_err());
            }
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_no_driver() {
    for (kind, _, _, load_from) in VENDORS {
        let missing = load_from(Path::new("/nowhere/libgpu.so")).expect_err("there is none");
        assert!(matches!(missing, GpuError::NoDriver { driver, .. } if driver == kind));
    }
}

#[test]
fn another_s_library_lacks_the_first_function() {
    for (kind, first, _, load_from) in VENDORS {
        let other = load_from(Path::new("libc.so.6")).expect_err("it is another");
        assert_eq!(other, GpuError::SymbolMissing { driver: kind, symbol: first });
        assert!(other.to_string().contains(first), "{other}");
    }
}

/// In a child of this process, for the environment belongs to all of its threads.
#[test]
fn the_environment_names_another_library() {
    const CHILD: &str = "ANYMEM_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        for (kind, first, ..) in VENDORS {
            let other = driver::load(kind).expect_err("it is another");
            assert_eq!(other, GpuError::SymbolMissing { driver: kind, symbol: first });
        }
        return;
    }
    let mut child = Command::new(std::env::current_exe().expect("it runs"));
    child.args(["the_environment_names_another_library", "--exact"]).env(CHILD, "1");
    for (_, _, variable, _) in VENDORS {
        child.env(variable, "libc.so.6");
    }
    let output = child.output().expect("started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
