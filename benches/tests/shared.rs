//! `compare shared`, from its arguments to its last line.

mod common;

use std::path::Path;

use common::{check_unknown_job, compare, run};

#[test]
fn every_job_is_done_by_all_who_can() {
    let said = run(&mut compare(&["shared", "--quick", "--rounds", "1"]));
    assert!(said.success, "{said:?}");
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
        assert!(said.output.contains(job), "no {job} in {said:?}");
    }
    let boost = Path::new("/usr/include/boost/interprocess/managed_shared_memory.hpp").exists();
    assert_eq!(said.output.contains("skipped: Boost.Interprocess"), !boost, "{said:?}");
    for (ratio, measured) in [
        ("boost_pair", boost),
        ("boost_pair2", boost),
        ("boost_map", boost),
        ("hashbrown_find", true),
        ("vec", true),
        // It may fail where its processes wait long for a processor.
        ("iceoryx2_rtt", !said.output.contains("skipped: iceoryx2 on ")),
    ] {
        // Where a single sample stalls, a ratio can be so small that it reads 0.00.
        assert_eq!(said.figure(ratio).is_some(), measured, "{ratio} in {said:?}");
    }
    assert!(said.figure("handover_ns").is_some(), "{said:?}");
    assert!(said.last().starts_with("shared: "), "{said:?}");
}

#[test]
fn an_unknown_job_is_told() {
    check_unknown_job("shared", "pair/1-process");
}
