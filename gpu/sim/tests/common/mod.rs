//! Bytes to a device and back, and tests in processes of their own.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::env;
use std::process::Command;
use std::ptr::NonNull;

use anymem_gpu_sim::{Device, Side, Stream};

/// Writes bytes to a device, in the order of a stream or at once.
pub(crate) fn write(device: Device<'_>, stream: Option<Stream>, at: u64, bytes: &[u8]) {
    let from = Side::Host(NonNull::from(bytes).cast());
    // SAFETY: host memory that is not pinned is read before this returns, and the tests see to
    // the order of the rest.
    unsafe { device.copy(stream, Side::Device(at), from, bytes.len()) }.expect("copied");
}

/// Reads bytes of a device, at once.
pub(crate) fn read(device: Device<'_>, at: u64, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    let to = Side::Host(NonNull::from(read.as_mut_slice()).cast());
    // SAFETY: the vector is there until the copy is done, which is when it returns.
    unsafe { device.copy(None, to, Side::Device(at), bytes) }.expect("copied");
    read
}

/// Names the test that a child is to run, and what it is told.
const CHILD: &str = "ANYMEM_TEST_CHILD";
const TOLD: &str = "ANYMEM_TEST_TOLD";

/// A child of this program that runs the same test, and is told something.
pub(crate) fn child(test: &str, told: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("it runs"));
    command.args([test, "--exact", "--nocapture"]).env(CHILD, test).env(TOLD, told);
    command
}

/// What this process was told, if it is a child for that test.
pub(crate) fn told(test: &str) -> Option<String> {
    env::var(CHILD).is_ok_and(|name| name == test).then(|| env::var(TOLD).expect("told"))
}
