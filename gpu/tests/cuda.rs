//! CUDA's library, whatever it is.

mod common;

use std::path::PathBuf;
use std::process::Command;

use anymem_gpu::driver::{self, DriverKind};
use common::this_program;

/// What [`hears`] lets the other process look at.
const LOOK: &str = "ANYMEM_GPU_TEST_LOOK";

/// What loading CUDA says to a process that finds `library` for it.
fn hears(library: &str, settings: &[(&str, &str)]) -> String {
    let mut program = with_library(library);
    program.args(["--exact", "the_one_who_looks", "--nocapture"]);
    let output = program.env(LOOK, "1").envs(settings.iter().copied()).output().expect("started");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().find_map(|line| line.strip_prefix("heard: ")).expect("heard").to_string()
}

/// What [`hears`] starts.
#[test]
fn the_one_who_looks() {
    if std::env::var_os(LOOK).is_some() {
        let loaded = driver::load(DriverKind::Cuda).map(|driver| driver.devices());
        println!("\nheard: {loaded:?}");
    }
}

/// This program, which finds `library` where it looks for CUDA.
fn with_library(library: &str) -> Command {
    let name = library.replace(['/', '.'], "_");
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir_all(&place).expect("writable");
    std::os::unix::fs::symlink(library, place.join("libcuda.so")).expect("writable");
    let mut program = this_program();
    program.env("LD_LIBRARY_PATH", place);
    program
}

/// A library that this process has, by the start of its name.
fn mapped(name: &str) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("readable");
    let path = |line: &str| Some(line.split_whitespace().nth(5)?.to_string());
    let mut paths = maps.lines().filter_map(path);
    paths.find(|path| path.rsplit('/').next().is_some_and(|it| it.starts_with(name))).expect(name)
}

#[test]
fn a_library_of_something_else_lacks_the_functions() {
    let heard = hears(&mapped("libc.so"), &[]);
    assert_eq!(heard, "Err(SymbolMissing { driver: Cuda, symbol: \"cuInit\" })");
}
