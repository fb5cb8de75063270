//! `compare frames`, from its arguments to its last line.

mod common;

use common::{check_unknown_job, compare, run};

#[test]
fn frames_are_taken_by_two_threads() {
    let said = run(&mut compare(&["frames", "--quick", "--rounds", "1", "--only", "repeat"]));
    assert!(said.success, "{said:?}");
    for job in ["repeat/4-KiB/1-thread", "repeat/2-MiB/2-threads"] {
        assert!(said.has_time_of(job), "no {job} in {said:?}");
    }
    assert!(said.last().starts_with("frames: buddy="), "{said:?}");
    assert!(said.figure("llist").is_some(), "{said:?}");
}

#[test]
fn frames_come_and_go_in_any_order() {
    let said = run(&mut compare(&["frames", "--quick", "--rounds", "1", "--only", "2-MiB/2"]));
    assert!(said.success, "{said:?}");
    for job in ["bulk/2-MiB/2-threads", "random/2-MiB/2-threads"] {
        assert!(said.has_time_of(job), "no {job} in {said:?}");
    }
}

#[test]
fn an_unknown_job_is_told() {
    check_unknown_job("frames", "there are repeat/4-KiB/1-thread");
}
