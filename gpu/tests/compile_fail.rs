//! What must not compile, and what the compiler says of it: addresses of devices used here, or
//! mixed up with others, and objects used while a stream has them.

use std::env;
use std::io::{Write, stderr};
use std::process::Command;

/// Messages are those of the stable compiler; others word them otherwise.
fn is_stable() -> bool {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let said = Command::new(cargo).arg("--version").output().expect("cargo says its version");
    !String::from_utf8_lossy(&said.stdout).contains("nightly")
}

#[test]
fn what_must_not_compile_does_not() {
    if !is_stable() {
        // Past the test harness, which would keep it back.
        let _ = stderr().write_all(b"skipped: no stable compiler, whose messages are compared\n");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
