//! `compare regions`, from its arguments to its last line.

mod common;

use common::{check_unknown_job, compare, run};

#[test]
fn every_job_is_done() {
    let said = run(&mut compare(&["regions", "--quick", "--rounds", "1"]));
    assert!(said.success, "{said:?}");
    for job in [
        "full",
        "clean",
        "dirty/1%",
        "dirty/10%/new",
        "dirty/25%",
        "pages/together",
        "pages/apart",
        "element/slice",
        "element/region",
        "view/64-KiB",
        "view/2-MiB",
    ] {
        assert!(said.has_time_of(job), "no {job} in {said:?}");
    }
    let is_skipped = said.output.contains("skipped: first-write: ");
    assert_ne!(is_skipped, said.output.contains("| first-write "), "{said:?}");
    assert!(said.last().starts_with("regions: full="), "{said:?}");
    for figure in ["clean_us", "dirty1", "dirty10", "dirty25", "page_ns", "view"] {
        assert!(said.figure(figure).is_some(), "no {figure} in {said:?}");
    }
}

#[test]
fn an_unknown_job_is_told() {
    check_unknown_job("regions", "there are full, clean, dirty/1%");
}
