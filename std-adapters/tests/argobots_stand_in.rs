//! The model of Argobots on a stand-in for it, which is not Argobots: see `stand_in.c`.
#![cfg(all(unix, feature = "argobots"))]

use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "argobots/mod.rs"]
mod scenarios;

use scenarios::Runtime;

/// Compiles the stand-in; `None` where there is no C compiler.
fn compiled() -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/argobots/stand_in.c");
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libargobots_stand_in.so");
    let options = ["-std=gnu11", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"];
    let mut compile = Command::new("cc");
    compile.args(options).arg("-pthread").arg("-o").arg(&to).arg(source);
    let compiled = compile.status().ok()?;
    assert!(compiled.success(), "the stand-in does not compile");
    Some(to)
}

#[test]
fn user_level_threads_of_a_stand_in() {
    if scenarios::is_peer() {
        return;
    }
    match compiled() {
        Some(library) => scenarios::run(&Runtime::load(&library).unwrap()),
        None => eprintln!("skipped: no C compiler for the stand-in"),
    }
}
