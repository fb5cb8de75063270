//! Tests in processes of their own, for a process has one machine, made by its environment.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// Names the test that a child is to run.
const CHILD: &str = "ANYMEM_TEST_CHILD";

/// The library, which is built with these tests.
pub(crate) fn library() -> PathBuf {
    let program = env::current_exe().expect("it runs");
    let folders = program.ancestors().skip(1).take(2);
    let mut files = folders.map(|folder| folder.join("libanymem_gpu_sim_library.so"));
    files.find(|file| file.exists()).expect("built with this")
}

/// A child of this program that runs the same test, with more environment.
pub(crate) fn child(test: &str, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env::current_exe().expect("it runs"));
    command.args([test, "--exact", "--nocapture"]).env(CHILD, test);
    command.env("ANYMEM_HIP_LIBRARY", library()).env("ANYMEM_LEVEL_ZERO_LIBRARY", library());
    command.env("ANYMEM_GPU_SIM_STRICT", "1").envs(environment.iter().copied());
    command
}

/// Whether this process is a child for that test.
pub(crate) fn is_child(test: &str) -> bool {
    env::var(CHILD).is_ok_and(|name| name == test)
}

/// Runs a test in a child of this process, with more environment.
pub(crate) fn alone(test: &str, environment: &[(&str, &str)], body: impl FnOnce()) {
    if is_child(test) {
        return body();
    }
    let output = child(test, environment).output().expect("started");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{errors}");
}
