//! `compare mpi` where there is no MPI. What ranks do needs two of them: `.ci/run`.

use std::process::Command;

#[test]
fn libraries_that_are_not_there_are_told() {
    let output = Command::new(env!("CARGO_BIN_EXE_compare"))
        .args(["mpi", "--quick", "--rounds", "1"])
        .env("PATH", "")
        .output()
        .expect("the program is there");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{said}");
    for library in ["open-mpi: mpicc.openmpi", "mpich: mpicc.mpich"] {
        assert_eq!(said.matches(&format!("skipped: {library}")).count(), 1, "{said}");
    }
    let last = said.lines().next_back().expect("a line");
    assert_eq!(last, "mpi: get4k_ns=n/a scattered=n/a pack=n/a bulk=n/a dirty25=n/a");
}

#[test]
fn an_unknown_job_is_told() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_compare")).args(["mpi", "--only", "nothing"]).output();
    let output = output.expect("the program is there");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("there are open-mpi/get"), "{said}");
}
