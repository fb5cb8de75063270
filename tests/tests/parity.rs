//! The tables of what there is instead of others' ideas: each row has tests, which exist, or
//! says why it has none.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The Unified Memory Framework.
const UMF: &str = "umf.md";

/// The proposal for distributed memory in Ada.
const ADA: &str = "ada.md";

/// The specification of memory regions.
const SCALIX: &str = "scalix.md";

const TABLES: [&str; 3] = [UMF, ADA, SCALIX];

/// Where files of tests are; those in folders there are named with their folder.
const TESTS: [&str; 5] =
    ["../core/tests", "../std-adapters/tests", "tests", "../preload/tests", "../mpi/tests"];

/// The crate for devices, whose files may be called as others are.
const GPU: &str = "../gpu";

/// The vendors' names for the device in software, a package of its own there.
const GPU_NAMES: &str = "sim-library/";

/// How many defects the Unified Memory Framework has.
const DEFECTS: usize = 22;

struct Row {
    theirs: String,
    ours: String,
    tests: String,
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rows(table: &str) -> Vec<Row> {
    let path = here().join("../std-adapters/src/guide").join(table);
    let text = fs::read_to_string(path).expect("the table");
    let lines = text.lines().filter(|line| line.starts_with('|'));
    // The last of these columns is called so in the heads of all tables.
    let rows = lines.filter(|line| !line.ends_with("| test |") && !line.starts_with("|---"));
    rows.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [theirs, ours, tests] = cells[..] else { panic!("a row has three cells: {line}") };
        assert!(!theirs.is_empty() && !ours.is_empty(), "{line}");
        Row { theirs: theirs.into(), ours: ours.into(), tests: tests.into() }
    })
    .collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The file of tests with this name, which begins with `gpu/` if it is one of devices.
fn file(name: &str) -> String {
    if let Some(name) = name.strip_prefix("gpu/") {
        let (package, name) = match name.strip_prefix(GPU_NAMES) {
            Some(name) => (GPU_NAMES, name),
            None => ("", name),
        };
        let path = here().join(GPU).join(package).join("tests").join(format!("{name}.rs"));
        return fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    }
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
    for Row { theirs, tests, .. } in TABLES.into_iter().flat_map(rows) {
        if let Some(reason) = tests.strip_prefix("none: ") {
            assert!(reason.len() > 10, "{theirs}: a reason");
            continue;
        }
        assert!(quoted(&tests).next().is_some(), "{theirs} has no test");
        for test in quoted(&tests) {
            let (name, test) = test.split_once("::").expect("a file and a test");
            assert!(has(&file(name), test), "{theirs}: there is no {test} in {name}");
        }
    }
}

#[test]
fn each_defect_has_tests() {
    let defects: BTreeSet<usize> = rows(UMF)
        .iter()
        .filter(|row| !row.tests.starts_with("none: "))
        .filter_map(|row| row.theirs.strip_prefix('D')?.split_once(':')?.0.parse().ok())
        .collect();
    assert_eq!(defects, (1..=DEFECTS).collect());
}

#[test]
fn nothing_of_the_framework_is_left_out() {
    let rows = rows(UMF);
    let names: BTreeSet<&str> = rows.iter().flat_map(|row| quoted(&row.theirs)).collect();
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
        "umfCUDAMemoryProviderParamsCreate",
        "umfCUDAMemoryProviderParamsSetContext",
        "umfCUDAMemoryProviderParamsSetDevice",
        "umfCUDAMemoryProviderParamsSetMemoryType",
        "umfCUDAMemoryProviderParamsSetAllocFlags",
        "umfCUDAMemoryProviderParamsSetName",
        "umfLevelZeroMemoryProviderParamsSetContext",
        "umfLevelZeroMemoryProviderParamsSetDevice",
        "umfLevelZeroMemoryProviderParamsSetMemoryType",
        "umfLevelZeroMemoryProviderParamsSetName",
        "umfLevelZeroMemoryProviderParamsSetResidentDevices",
        "umfLevelZeroMemoryProviderParamsSetFreePolicy",
        "umfLevelZeroMemoryProviderParamsSetDeviceOrdinal",
        "umfLevelZeroMemoryProviderResidentDeviceChange",
        "UMF_PROXY",
    ] {
        assert!(names.contains(name), "{name} has no row");
    }
    for what in ["OS", "fixed", "file", "DAX", "CUDA", "Level Zero"] {
        assert!(rows.iter().any(|row| row.theirs.starts_with(what)), "{what} has no row");
    }
    for what in ["disjoint", "jemalloc", "scalable", "proxy"] {
        let pool = format!("{what} pool");
        assert!(rows.iter().any(|row| row.theirs.starts_with(&pool)), "{pool} has no row");
    }
}

/// What rows about devices say is there, somebody declares.
#[test]
fn what_is_said_of_devices_is_there() {
    let sources = sources(&here().join(GPU).join("src"));
    let declares = |name: &str| {
        let kinds = ["fn", "struct", "enum", "trait"].map(|kind| format!("{kind} {name}"));
        let ends = |at: usize, len: usize, text: &str| {
            !text[at + len..].starts_with(|it: char| it.is_alphanumeric() || it == '_')
        };
        kinds.iter().any(|it| sources.match_indices(it).any(|(at, _)| ends(at, it.len(), &sources)))
    };
    let about_devices = ["CUDA", "Level Zero", "none: objects with a type", "none: shared memory"];
    let foreign = ["anymem_gpu", "PORTABLE", "DEVICEMAP", "ATTACH_GLOBAL", "WRITECOMBINED"];
    let of_core = ["MemBox", "MemSlice", "Route", "Peer"];
    for row in
        rows(UMF).iter().filter(|row| about_devices.iter().any(|it| row.theirs.starts_with(it)))
    {
        for name in quoted(&row.ours).flat_map(|it| it.split("::")) {
            let known = foreign.contains(&name) || of_core.contains(&name) || name == "pool";
            assert!(known || declares(name), "{}: there is no {name}", row.theirs);
        }
    }
}

/// The text of all sources in a folder.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("the sources").map(|it| it.expect("readable").path());
    let text = |path: PathBuf| match path.extension().is_some_and(|it| it == "rs") {
        true => fs::read_to_string(&path).expect("readable"),
        false if path.is_dir() => sources(&path),
        false => String::new(),
    };
    entries.map(text).collect()
}

#[test]
fn nothing_of_the_proposal_is_left_out() {
    let rows = rows(ADA);
    for what in [
        "Address_Type",
        "function Allocate",
        "procedure Free",
        "Copy_Out",
        "Copy_In",
        "type Memory",
        "aspect `Distributed_Memory`",
        "X := Foo_I (Y)",
        "Device_Arr (1) + 1",
        "System.Distributed_Memory.Standard",
        "renames",
        "Unchecked_Deallocation",
        "'Address",
        "automatic objects",
        "local memory models",
    ] {
        assert!(rows.iter().any(|row| row.theirs.contains(what)), "{what} has no row");
    }
}

#[test]
fn nothing_of_the_specification_is_left_out() {
    let rows = rows(SCALIX);
    for what in [
        "emulate paged memory",
        "access patterns",
        "`mem_region`",
        "`mem_page`",
        "`page_array`, a collection",
        "virtual interface",
        "region factory",
        "`default_mem_region`: the data is local",
        "`distributed_reference_region`",
        "pages with different owners",
        "external APIs",
        "`mpi_mem_region`",
        "API and ABI",
        "data handles",
        "goes to zero",
        "keep data around",
        "only allocated memory in the destination",
        "will raise an exception",
    ] {
        assert!(rows.iter().any(|row| row.theirs.contains(what)), "{what} has no row");
    }
}
