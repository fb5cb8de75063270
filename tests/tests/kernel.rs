//! A kernel whose heap is anymem's (`tests/kernel`) boots in QEMU and tests itself there.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

use anymem_tests::skip;

const QEMU: &str = "qemu-system-x86_64";

/// Seconds that a machine may take on a slow and busy computer; it takes a few.
const MOST_SECONDS: &str = "900";

/// QEMU's status when the kernel passed all its tests.
const PASSED: i32 = 33;

fn can_run() -> bool {
    let native = cfg!(all(target_arch = "x86_64", target_os = "linux"));
    let runs = native && Command::new(QEMU).arg("--version").output().is_ok();
    if !runs {
        skip("qemu", "qemu-system-x86_64 on x86-64 Linux");
    }
    runs
}

/// The kernel, built if it is not.
fn kernel() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/kernel");
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("kernel");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--release", "--quiet", "--target-dir"])
            .arg(&target)
            // Its own configuration says how it is built.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET")
            .current_dir(source)
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the kernel was not built");
        target.join("x86_64-unknown-linux-gnu/release/anymem-kernel")
    })
}

/// What becomes of the kernel on a machine with `processors` and `memory`.
fn boot(machine: &str, processors: u32, memory: &str) -> Output {
    Command::new("timeout")
        .args([MOST_SECONDS, QEMU, "-machine", machine, "-m", memory])
        .args(["-smp", &processors.to_string()])
        // The processors of the machine are threads, so they do run at the same time.
        .args(["-accel", "tcg,thread=multi", "-cpu", "max"])
        .args(["-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot"])
        .args(["-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"])
        .arg("-kernel")
        .arg(kernel())
        .output()
        .expect("timeout and QEMU run")
}

/// Boots and shows what the kernel says; that it is its own judgement that all is well.
fn passes(machine: &str, processors: u32, memory: &str) {
    if !can_run() {
        return;
    }
    let output = boot(machine, processors, memory);
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(PASSED), "124: it took too long; 35: it failed");
    assert!(said.contains(&format!("processors: {processors}\n")), "not all were started");
    let last = said.lines().last().expect("a last line");
    assert!(last.starts_with("kernel: ") && last.ends_with(" passed, 0 failed"), "{last}");
    let death = "memory allocation of 1099511627776 bytes failed";
    assert_eq!(said.contains(death), processors > 1, "a task was to die, if there is a second one");
}

#[test]
fn four_processors_pass() {
    passes("q35", 4, "128M");
}

#[test]
fn one_processor_with_little_memory_passes() {
    passes("q35", 1, "16M");
}

/// Other devices, and another memory map.
#[test]
fn two_processors_of_a_tiny_machine_pass() {
    passes("microvm", 2, "64M");
}
