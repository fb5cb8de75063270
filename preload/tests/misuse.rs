//! What the hardened library does with programs that misuse their blocks. What
//! they do is in `c/misuse.c`.
#![cfg(feature = "secure")]

mod common;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use common::{compiled, preloaded, run, succeeds, succeeds_silently};

const DOUBLE: &str = "the block was freed before";
const NO_BLOCK: &str = "no block starts at that address";
const OUTSIDE: &str = "the address is outside the heap";

/// What is done, and what the library says of it.
const CASES: [(&str, &str); 16] = [
    ("double_free", DOUBLE),
    ("late_double_free", DOUBLE),
    ("other_thread", DOUBLE),
    ("large_double_free", NO_BLOCK),
    ("after_realloc", DOUBLE),
    ("realloc_after_free", DOUBLE),
    ("one_byte", "past the 13 bytes"),
    ("every_size", "past the 2999 bytes"),
    ("into_the_next", "past the 24 bytes"),
    ("shrunk", "past the 97 bytes"),
    ("resized", "past the 50 bytes"),
    ("aligned", "past the 100 bytes"),
    ("inside", NO_BLOCK),
    ("stack", OUTSIDE),
    ("wild", OUTSIDE),
    ("large_one_byte", "past the 300001 bytes"),
];

/// What is done, and the guard page ends it.
const GUARDED: [&str; 2] = ["large_far", "large_resized"];

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| compiled("misuse.c", &[]))
}

fn misuse(case: &str, how: &str) -> Output {
    // Not by `timeout`, which would hide the signal; it has an alarm of its own.
    let mut command = Command::new(program());
    run(preloaded(command.arg(case).arg(how)))
}

#[test]
fn a_misused_block_ends_the_program_with_one_line() {
    for (case, expected) in CASES {
        let output = misuse(case, "bad");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{case}: {said}");
        assert!(said.starts_with("anymem: 0x") && said.contains(expected), "{case}: {said}");
        assert_eq!(said.lines().count(), 1, "{case}: {said}");
    }
}

#[test]
fn a_write_far_past_a_large_block_is_a_fault() {
    for case in GUARDED {
        let output = misuse(case, "bad");
        assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{case}");
    }
}

#[test]
fn the_same_done_right_goes_well() {
    for case in CASES.map(|(case, _)| case).into_iter().chain(GUARDED) {
        succeeds_silently(&misuse(case, "good"), case);
    }
}

#[test]
fn blocks_come_in_another_order_each_time() {
    let [one, other] = [0; 2].map(|_| misuse("order", "good"));
    succeeds(&one, "order");
    succeeds(&other, "order");
    assert_eq!(one.stdout.iter().filter(|byte| **byte == b'\n').count(), 40);
    assert_ne!(one.stdout, other.stdout);
}
