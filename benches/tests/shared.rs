//! `compare shared`, from its arguments to its last line.

use std::{path::Path, process::Command};

fn compare(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_compare")).args(arguments).output();
    let output = output.expect("the program is there");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_job_is_done_by_all_who_can() {
    let (success, said, errors) = compare(&["shared", "--quick", "--rounds", "1"]);
    assert!(success, "{said}\n{errors}");
    for job in [
        "pair/1-process",
        "pair/2-processes",
        "map/2-processes",
        "map/find",
        "vec/push",
        "vec/push-opened",
        "round-trip/polling",
        "round-trip/blocking",
        "hand-over/empty",
        "hand-over/64-MiB",
    ] {
        assert!(said.contains(job), "no {job} in {said}");
    }
    let last = said.lines().next_back().expect("a line");
    let boost = Path::new("/usr/include/boost/interprocess/managed_shared_memory.hpp").exists();
    assert_eq!(said.contains("skipped: Boost.Interprocess"), !boost, "{said}");
    for (ratio, measured) in [
        ("boost_pair=", boost),
        ("boost_pair2=", boost),
        ("boost_map=", boost),
        ("hashbrown_find=", true),
        ("vec=", true),
        ("iceoryx2_rtt=", true),
    ] {
        let found = last.split(' ').find_map(|word| word.strip_prefix(ratio)).expect(ratio);
        let number = found.trim_end_matches('x').parse::<f64>();
        assert_eq!(number.is_ok_and(|it| it > 0.0), measured, "{last}");
    }
    let longer = last.rsplit_once(" handover_ns=").expect("a difference").1;
    assert!(longer.parse::<f64>().is_ok(), "{last}");
    assert!(last.starts_with("shared: "), "{last}");
}

#[test]
fn an_unknown_job_is_told() {
    let (success, _, errors) = compare(&["shared", "--only", "nothing"]);
    assert!(!success && errors.contains("pair/1-process"), "{errors}");
}
