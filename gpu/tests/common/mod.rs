//! The devices that tests run on.
//!
//! Tests take their [`device`] from here: one in software, unless the environment variable
//! `ANYMEM_GPU_TEST_ON` names another driver. [`everywhere`] runs all tests of a program again
//! for each other driver that this machine has, in processes of their own, and for software
//! devices of other kinds. Where the machine lacks one, that is said; it is a failure if
//! `ANYMEM_GPU_REQUIRED` lists the driver, as in `cuda,hip`.

#![allow(dead_code, reason = "each program uses some of it")]

mod bytes;
#[path = "../../../std-adapters/tests/lacking/mod.rs"]
mod lacking;
pub(crate) mod software;

use std::process::{Command, Output};

use anymem_gpu::driver::{self, DriverKind};
use anymem_gpu::{Device, GpuError};

#[allow(unused_imports, reason = "each program uses some of them")]
pub(crate) use bytes::{read, word, write};

/// What names the driver of [`device`].
const ON: &str = "ANYMEM_GPU_TEST_ON";
/// The test of each program that calls [`everywhere`].
const EVERYWHERE: &str = "on_all_drivers";
/// How the names of long tests end that make a device in software of their own: on other drivers
/// they would do the same again.
const ONCE: &str = "_in_software";

const KINDS: [(DriverKind, &str); 4] = [
    (DriverKind::Cuda, "cuda"),
    (DriverKind::Hip, "hip"),
    (DriverKind::LevelZero, "level-zero"),
    (DriverKind::Sim, "sim"),
];

/// The device that this process tests.
///
/// # Panics
///
/// It cannot be used, or there is no such driver.
pub(crate) fn device() -> Device {
    let on = std::env::var(ON).unwrap_or_else(|_| "sim".into());
    let (kind, _) = KINDS.iter().find(|(_, name)| *name == on).expect("a driver");
    Device::open(*kind, 0).unwrap_or_else(|error| panic!("{error}"))
}

/// The first device of that driver; `None` if this machine lacks it, which is said.
///
/// # Panics
///
/// This machine should have one.
pub(crate) fn real(kind: DriverKind) -> Option<Device> {
    Device::open(kind, 0).inspect_err(|error| lacks(kind, error)).ok()
}

/// Runs this program's tests on the devices that this machine has, and on others in software.
///
/// # Panics
///
/// One of them fails, or this machine should have a device and lacks it.
pub(crate) fn everywhere() {
    if std::env::var_os(ON).is_some() {
        return;
    }
    for (kind, name) in KINDS {
        if kind != DriverKind::Sim && real(kind).is_some() {
            again(name, this_program());
        }
    }
    software::on_each(again);
}

fn again(name: &str, mut program: Command) {
    let (kind, _) = KINDS.iter().find(|(_, it)| *it == name).expect("a driver");
    if driver::built().all(|built| built != *kind) {
        return without(name);
    }
    println!("on {name}: {program:?}");
    let status = program.env(ON, name).args(["--skip", EVERYWHERE, "--skip", ONCE]).status();
    assert!(status.expect("started").success(), "on {name}: {program:?}");
}

/// This very program.
pub(crate) fn this_program() -> Command {
    Command::new(std::env::current_exe().expect("this program"))
}

/// Lets a program run one of the tests, whose words are heard.
pub(crate) fn one_test(mut program: Command, test: &str) -> Command {
    program.args(["--exact", test, "--nocapture"]);
    program
}

/// What the one test of a program says, if it goes well.
pub(crate) fn outcome(program: &mut Command) -> Result<String, Output> {
    let output = program.output().expect("started");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    // A test that there is not fails in no program.
    if output.status.success() && said.contains("1 passed") { Ok(said) } else { Err(output) }
}

/// Says that a test is skipped, for there is no such device.
///
/// # Panics
///
/// This machine should have one.
pub(crate) fn lacks(kind: DriverKind, error: &GpuError) {
    let (_, name) = KINDS.iter().find(|(it, _)| *it == kind).expect("a driver");
    let required = std::env::var("ANYMEM_GPU_REQUIRED").unwrap_or_default();
    let has = required.split(',').any(|it| it.trim() == *name);
    assert!(!has, "this machine should have a device of {kind}: {error}");
    lacking::skip(name, &format!("device of {kind}: {error}"));
}

/// Says that a part of a test is skipped, for the device has no such thing.
pub(crate) fn without(what: &str) {
    lacking::skip("gpu-features", what);
}
