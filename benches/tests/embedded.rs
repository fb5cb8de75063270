//! `compare embedded`, from its arguments to its last line.

mod common;

use common::{check_unknown_job, compare, run};

#[test]
fn every_job_is_done() {
    let said = run(&mut compare(&["embedded", "--quick", "--rounds", "1", "--only", "64K"]));
    assert!(said.success, "{said:?}");
    for job in ["64K/8-64", "64K/1-256", "64K/16-1024", "64K/8..2048", "64K/16..8192"] {
        assert!(said.has_time_of(job), "no {job} in {said:?}");
    }
    assert!(said.output.contains("| % of the arena |"), "{said:?}");
    assert!(said.last().starts_with("embedded: speed_vs_best="), "{said:?}");
    for figure in ["fill_vs_best", "worst_steps"] {
        assert!(said.figure(figure).is_some_and(|it| it > 0.0), "no {figure} in {said:?}");
    }
}

#[test]
fn an_unknown_job_is_told() {
    check_unknown_job("embedded", "there are 64K/8-64, 64K/1-256");
}
