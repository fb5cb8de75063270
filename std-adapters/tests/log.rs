//! Lines for people: where they go, and what they begin with.

use std::alloc::Layout;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use anymem::control::{Tree, Value};
use anymem::pool::{DisjointOptions, Pool, Tracked};
use anymem::provider::OsProvider;

/// Where a test's lines go, which goes with it.
struct Lines(PathBuf);

impl Lines {
    fn new(tag: &str) -> Self {
        let name = format!("anymem-log-{tag}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.0).expect("it was written")
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A process whose pool traces, and that sets `log.output` to `then` at last.
fn traced(settings: &str, then: Option<&Path>) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["--exact", "child", "--nocapture"]).env("ANYMEM_TEST_CHILD", "1");
    command.env("ANYMEM_LOG", settings);
    command.envs(then.map(|path| ("ANYMEM_TEST_THEN", path)));
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    output
}

#[test]
fn child() {
    if std::env::var_os("ANYMEM_TEST_CHILD").is_none() {
        return;
    }
    let memory = Tracked::new(Arc::new(OsProvider::new().expect("a provider"))).expect("room");
    let pool = DisjointOptions::new().name("first").trace(2).build(memory).expect("a pool");
    pool.allocate(Layout::new::<u64>()).expect("memory");
    if let Ok(path) = std::env::var("ANYMEM_TEST_THEN") {
        Tree::global().set("log.output", path).expect("a file can be made there");
    }
}

#[test]
fn lines_go_to_standard_error_unless_told() {
    let output = traced("", None);
    let told = String::from_utf8(output.stderr).expect("text");
    assert!(told.contains("anymem: pool \"first\": slab of"), "{told}");
}

#[test]
fn the_environment_says_where_lines_go_and_what_they_begin_with() {
    let lines = Lines::new("environment");
    let path = lines.0.display();
    let output = traced(&format!("output={path}; timestamp=on;;pid=yes;colour=red"), None);
    let errors = String::from_utf8(output.stderr).expect("text");
    assert!(!errors.contains("pool"), "{errors}");
    let text = lines.text();
    let told: Vec<_> = text.lines().collect();
    assert!(told[0].contains("entry 5 of ANYMEM_LOG") && told[0].contains("log.colour"), "{text}");
    for line in told {
        let (time, rest) = line.split_once(' ').expect("a time");
        assert!(time.parse::<f64>().is_ok_and(|it| it > 1e9), "{line}");
        let (process, _) = rest.split_once("]: ").expect("a process");
        let pid = process.strip_prefix("anymem[").expect("whose line it is");
        assert!(pid.parse::<u32>().is_ok_and(|it| it != std::process::id()), "{line}");
    }
}

#[test]
fn the_output_is_changed_at_run_time() {
    let lines = Lines::new("later");
    let output = traced("output=stdout", Some(&lines.0));
    let before = String::from_utf8(output.stdout).expect("text");
    assert!(before.contains("slab of") && !before.contains("goes after"), "{before}");
    let text = lines.text();
    assert!(text.contains("goes after 1 allocations") && !text.contains("slab of 16"), "{text}");
}

#[test]
fn an_output_that_cannot_be_is_refused() {
    let tree = Tree::global();
    let before = tree.get("log.output").expect("there");
    let error = tree.set("log.output", "/no such directory/file").expect_err("no file");
    assert!(error.to_string().contains("No such file"), "{error}");
    tree.set("log.pid", "perhaps").expect_err("on or off");
    assert_eq!(tree.get("log.output"), Ok(before));
    assert_eq!(tree.get("log.timestamp"), Ok(Value::Switch(false)));
}
