//! The table of what there is instead of the Unified Memory Framework: each row has tests,
//! which exist, or says why it has none.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TABLE: &str = "../std-adapters/src/guide/umf.md";

/// Where files of tests are.
const TESTS: [&str; 3] = ["../std-adapters/tests", "tests", "../preload/tests"];

/// How many defects there are.
const DEFECTS: usize = 22;

struct Row {
    umf: String,
    tests: String,
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string(here().join(TABLE)).expect("the table");
    let lines = text.lines().filter(|line| line.starts_with('|'));
    let rows = lines.filter(|line| !line.starts_with("| UMF |") && !line.starts_with("|---"));
    rows.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [umf, ours, tests] = cells[..] else { panic!("a row has three cells: {line}") };
        assert!(!umf.is_empty() && !ours.is_empty(), "{line}");
        Row { umf: umf.into(), tests: tests.into() }
    })
    .collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The file of tests with this name.
fn file(name: &str) -> String {
    let paths = |dir| {
        let dir = here().join(dir);
        [dir.join(format!("{name}.rs")), dir.join(name).join("mod.rs")]
    };
    let found: Vec<PathBuf> =
        TESTS.into_iter().flat_map(paths).filter(|path| path.exists()).collect();
    let [path] = &found[..] else { panic!("{name} is no file of tests, or several: {found:?}") };
    fs::read_to_string(path).expect("readable")
}

/// Whether the file has the test, by itself or in a list of a macro.
fn has(file: &str, test: &str) -> bool {
    let starts = [format!("fn {test}("), format!("{test} => ")];
    file.lines().any(|line| starts.iter().any(|start| line.contains(start)))
}

#[test]
fn each_row_has_tests_or_says_why_not() {
    for Row { umf, tests } in rows() {
        if let Some(reason) = tests.strip_prefix("none: ") {
            assert!(reason.len() > 10, "{umf}: a reason");
            continue;
        }
        assert!(quoted(&tests).next().is_some(), "{umf} has no test");
        for test in quoted(&tests) {
            let (name, test) = test.split_once("::").expect("a file and a test");
            assert!(has(&file(name), test), "{umf}: there is no {test} in {name}");
        }
    }
}

#[test]
fn each_defect_has_tests() {
    let defects: BTreeSet<usize> = rows()
        .iter()
        .filter(|row| !row.tests.starts_with("none: "))
        .filter_map(|row| row.umf.strip_prefix('D')?.split_once(':')?.0.parse().ok())
        .collect();
    assert_eq!(defects, (1..=DEFECTS).collect());
}

#[test]
fn nothing_is_left_out() {
    let rows = rows();
    let names: BTreeSet<&str> = rows.iter().flat_map(|row| quoted(&row.umf)).collect();
    for name in [
        "umfMemoryProviderCreate",
        "umfMemoryProviderAlloc",
        "umfMemoryProviderPurgeLazy",
        "umfMemoryProviderAllocationSplit",
        "umfPoolCreate",
        "umfPoolMalloc",
        "umfPoolCalloc",
        "umfPoolRealloc",
        "umfFree",
        "umfPoolByPtr",
        "umfPoolTrimMemory",
        "umfMemspaceHostAllGet",
        "umfMempolicyCreate",
        "umfGetMemoryPropertiesHandle",
        "umfGetIPCHandle",
        "umfOpenIPCHandle",
        "umfCtlGet",
        "UMF_CONF",
        "UMF_LOG",
        "UMF_PROXY",
    ] {
        assert!(names.contains(name), "{name} has no row");
    }
    for what in ["OS", "fixed", "file", "DAX", "CUDA", "Level Zero"] {
        assert!(rows.iter().any(|row| row.umf.starts_with(what)), "{what} has no row");
    }
    for what in ["disjoint", "jemalloc", "scalable", "proxy"] {
        let pool = format!("{what} pool");
        assert!(rows.iter().any(|row| row.umf.starts_with(&pool)), "{pool} has no row");
    }
}
