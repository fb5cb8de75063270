//! What the tests share: the library as people use it, and programs to run.

#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod pprof;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Seconds that a program may take.
const PATIENCE: &str = "600";

/// This package.
pub(crate) const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// A place for what the tests make, which is empty at first.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place).expect("writable");
    place
}

/// `libanymem.so`, optimised as it is for use.
pub(crate) fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let mut target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        target.pop();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--release", "--quiet", "--package", "anymem-preload"]);
        if cfg!(feature = "secure") {
            // Beside the ordinary one, which is not to be replaced by it.
            target.push("secure");
            build.args(["--features", "secure"]);
        }
        build.arg("--target-dir").arg(&target).current_dir(PACKAGE);
        succeeds(&run(&mut build), "the library is built");
        target.join("release/libanymem.so")
    })
}

/// Installs what the tests need of Debian's packages; fails plainly if it can't.
pub(crate) fn packages() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let script = Path::new(PACKAGE).join("../ci/packages.sh");
        let installed = Command::new(script).output().expect("the script can be run");
        succeeds(&installed, "ci/packages.sh");
    });
}

/// A program that is ended when it takes too long.
pub(crate) fn program(path: impl AsRef<Path>) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", PATIENCE]).arg(path.as_ref());
    command.env_remove("LD_PRELOAD").env("LC_ALL", "C");
    command
}

/// The same under the library.
pub(crate) fn preloaded(command: &mut Command) -> &mut Command {
    command.env("LD_PRELOAD", library())
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Checks that a program went well.
pub(crate) fn succeeds(output: &Output, what: &str) {
    assert!(output.status.success(), "{what}: {}\n{}", output.status, both_texts(output));
}

/// Checks that a program went well and said nothing on the side.
pub(crate) fn succeeds_silently(output: &Output, what: &str) {
    succeeds(output, what);
    assert!(output.stderr.is_empty(), "{what} said\n{}", both_texts(output));
}

fn both_texts(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).join("\n")
}

/// Runs what `make` makes with and without the library, and checks that one
/// could not tell: the same output, no other message, the same end.
pub(crate) fn same_as_without(make: impl Fn() -> Command) -> Output {
    let without = run(&mut make());
    let mut command = make();
    let with = run(preloaded(&mut command));
    let parts = |output: &Output| (output.status, both_texts(output));
    let (expected, found): ((ExitStatus, String), _) = (parts(&without), parts(&with));
    assert!(expected.0.success(), "without the library: {} {}", expected.0, expected.1);
    assert_eq!(found, expected, "{command:?}");
    with
}

/// Compiles a program of `tests/c`, once for all tests.
pub(crate) fn compiled(source: &str, options: &[&str]) -> PathBuf {
    static COMPILED: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    let key = format!("{source} {options:?}");
    compiled.entry(key).or_insert_with(|| compile(source, options)).clone()
}

fn compile(source: &str, options: &[&str]) -> PathBuf {
    packages();
    let sources = Path::new(PACKAGE).join("tests/c");
    let name = source.replace('.', "_");
    let to = scratch(&format!("c-{name}-{}", options.len())).join(name);
    let is_cxx = source.ends_with("cpp");
    let mut compile = Command::new(if is_cxx { "c++" } else { "cc" });
    compile.args(["-O1", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-pthread"]);
    compile.arg("-I").arg(Path::new(PACKAGE).join("include"));
    compile.arg("-o").arg(&to).arg(sources.join(source)).args(options).arg("-ldl");
    succeeds(&run(&mut compile), source);
    to
}
