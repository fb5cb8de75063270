//! `compare regions`, from its arguments to its last line.

use std::process::Command;

fn compare(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_compare")).args(arguments).output();
    let output = output.expect("the program is there");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_job_is_done() {
    let (success, said, errors) = compare(&["regions", "--quick", "--rounds", "1"]);
    assert!(success, "{said}\n{errors}");
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
        let row = said.lines().find(|line| line.split_whitespace().nth(1) == Some(job));
        let time = row.and_then(|row| row.split('|').nth(2)?.trim().parse::<f64>().ok());
        assert!(time.is_some_and(|time| time > 0.0), "no {job} in {said}");
    }
    assert_ne!(said.contains("skipped: first-write: "), said.contains("| first-write "), "{said}");
    let last = said.lines().next_back().expect("a line");
    assert!(last.starts_with("regions: full="), "{last}");
    for figure in ["clean_us", "dirty1", "dirty10", "dirty25", "page_ns", "view"] {
        let found = last.split(' ').find_map(|word| word.strip_prefix(&format!("{figure}=")));
        let number = found.map(|found| found.trim_end_matches('x').parse::<f64>());
        assert!(matches!(number, Some(Ok(_))), "no {figure} in {last}");
    }
}

#[test]
fn an_unknown_job_is_told() {
    let (success, _, errors) = compare(&["regions", "--only", "nothing"]);
    assert!(!success && errors.contains("there are full, clean, dirty/1%"), "{errors}");
}
