//! `compare mpi` where there is no MPI. What ranks do needs two of them: `.ci/run`.

mod common;

use common::{check_unknown_job, compare, run};

#[test]
fn libraries_that_are_not_there_are_told() {
    let said = run(compare(&["mpi", "--quick", "--rounds", "1"]).env("PATH", ""));
    assert!(said.success, "{said:?}");
    for library in ["open-mpi: mpicc.openmpi", "mpich: mpicc.mpich"] {
        let skipped = said.output.matches(&format!("skipped: {library}")).count();
        assert_eq!(skipped, 1, "{said:?}");
    }
    assert_eq!(said.last(), "mpi: get4k_ns=n/a scattered=n/a pack=n/a bulk=n/a dirty25=n/a");
}

#[test]
fn an_unknown_job_is_told() {
    check_unknown_job("mpi", "there are open-mpi/get");
}
