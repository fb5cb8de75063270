//! `compare pools`, from its arguments to its last line.

use std::process::Command;

/// The jobs of a kind of pool that take little time, and a library that is not there.
#[test]
fn jobs_are_done_without_the_library() {
    let arguments = ["pools", "--quick", "--rounds", "1", "--only", "pair", "--umf", "/nowhere"];
    let output = Command::new(env!("CARGO_BIN_EXE_compare")).args(arguments).output();
    let output = output.expect("the program is there");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{said}");
    for kind in ["disjoint", "jemalloc", "proxy"] {
        assert!(said.contains(&format!("{kind}/pair/64")), "no {kind} in {said}");
        assert!(said.contains(&format!("{kind}: two threads do ")), "no {kind} in {said}");
    }
    assert!(said.contains("skipped: umf: /nowhere"), "{said}");
    let last = said.lines().next_back().expect("a line");
    assert!(last.starts_with("pools: disjoint=n/a jemalloc=n/a "), "{last}");
}

#[test]
fn handles_are_made_by_one_process_and_opened_by_another() {
    let arguments = ["pools", "--quick", "--rounds", "1", "--only", "ipc", "--umf", "/nowhere"];
    let output = Command::new(env!("CARGO_BIN_EXE_compare")).args(arguments).output();
    let output = output.expect("the program is there");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{said}");
    for job in ["ipc/get", "ipc/open", "ipc/open-cold"] {
        let row = said.lines().find(|line| line.split_whitespace().nth(1) == Some(job));
        let time = row.and_then(|row| row.split('|').nth(2)?.trim().parse::<f64>().ok());
        assert!(time.is_some_and(|time| time > 0.0), "no {job} in {said}");
    }
}

#[test]
fn a_job_that_there_is_not_is_an_error() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_compare")).args(["pools", "--only", "nothing"]).output();
    let output = output.expect("the program is there");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("there are disjoint/pair/64"), "{said}");
}
