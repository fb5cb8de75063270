//! `compare gpu`, from its arguments to its last line.

mod common;

use common::{Said, compare, run};

#[test]
fn every_job_is_done_on_the_device_in_software() {
    let Said { success, output: said, errors } =
        run(&mut compare(&["gpu", "--quick", "--rounds", "1", "--sim"]));
    assert!(success, "{said}\n{errors}");
    for job in [
        "pair",
        "threads/pair",
        "random/1k",
        "random/10k",
        "pinned/pair",
        "copy/to",
        "copy/from",
        "ipc/cached",
    ] {
        let row = said.lines().find(|line| line.split_whitespace().nth(1) == Some(job));
        let time = row.and_then(|row| row.split('|').nth(2)?.trim().parse::<f64>().ok());
        assert!(time.is_some_and(|time| time > 0.0), "no {job} in {said}");
    }
    let header = said.lines().next().expect("a line");
    assert!(header.contains("cudarc"), "{header}");
    let column = header.split('|').position(|name| name.trim() == "interpreted");
    let column = column.expect("what kernels stand under");
    for job in ["kernel/walk", "kernel/take", "kernel/push"] {
        let row = said.lines().find(|line| line.split_whitespace().nth(1) == Some(job));
        let time = row.and_then(|row| row.split('|').nth(column)?.trim().parse::<f64>().ok());
        assert!(time.is_some_and(|time| time > 0.0), "no {job} in {said}");
    }
    for peer in ["rmm", "pytorch"] {
        let is_told = |line: &str| line.starts_with(&format!("skipped: {peer}: "));
        assert!(header.contains(peer) || said.lines().any(is_told), "no {peer} in {said}");
    }
    let last = said.lines().next_back().expect("a line");
    assert!(last.starts_with("gpu: device=sim pair_ns="), "{last}");
    for figure in ["pair_ns", "random1k_ns", "random10k_ns", "ipc_cached_ns"] {
        let found = last.split(' ').find_map(|word| word.strip_prefix(&format!("{figure}=")));
        assert!(matches!(found.map(str::parse::<f64>), Some(Ok(_))), "no {figure} in {last}");
    }
}

#[test]
fn an_unknown_job_is_told() {
    let Said { success, errors, .. } = run(&mut compare(&["gpu", "--sim", "--only", "nothing"]));
    assert!(!success && errors.contains("there are pair, threads/pair"), "{errors}");
}
