//! `compare pools`, from its arguments to its last line.

mod common;

use common::{check_unknown_job, compare, run};

/// The jobs of a kind of pool that take little time, and a library that is not there.
#[test]
fn jobs_are_done_without_the_library() {
    let arguments = ["pools", "--quick", "--rounds", "1", "--only", "pair", "--umf", "/nowhere"];
    let said = run(&mut compare(&arguments));
    assert!(said.success, "{said:?}");
    for kind in ["disjoint", "jemalloc", "proxy"] {
        assert!(said.output.contains(&format!("{kind}/pair/64")), "no {kind} in {said:?}");
        assert!(said.output.contains(&format!("{kind}: two threads do ")), "no {kind} in {said:?}");
    }
    assert!(said.output.contains("skipped: umf: /nowhere"), "{said:?}");
    assert!(said.last().starts_with("pools: disjoint=n/a jemalloc=n/a "), "{said:?}");
}

#[test]
fn handles_are_made_by_one_process_and_opened_by_another() {
    let arguments = ["pools", "--quick", "--rounds", "1", "--only", "ipc", "--umf", "/nowhere"];
    let said = run(&mut compare(&arguments));
    assert!(said.success, "{said:?}");
    for job in ["ipc/get", "ipc/open", "ipc/open-cold"] {
        assert!(said.has_time_of(job), "no {job} in {said:?}");
    }
}

#[test]
fn an_unknown_job_is_told() {
    check_unknown_job("pools", "there are disjoint/pair/64");
}
