//! `anymem demo`: what it counts, and what it says when it can't.

mod common;

use std::io::Read;
use std::process::{Command, Stdio};

use common::{DIRECTORY, Finished, Tree, anymem, run};

/// A tree in which everything occurs that is counted or skipped.
fn mixed() -> Tree {
    Tree::new()
        .file("a.txt", "the cat saw the dog; The DOG saw nothing.\n")
        .file("sub/b.txt", "let my_x2 = 0xFF; Größe größe\n")
        .file("sub/deep/empty", "")
        .file("binary", b"the \xff\xfe cat")
        .link("dangling", "nowhere")
        .link("unread", "a.txt")
        // Can be opened but not read, whoever tries.
        .link("unreadable", "/proc/self/mem")
}

fn demo(tree: &Tree, options: &[&str]) -> Finished {
    let unreadable = tree.at("unreadable").into_os_string();
    let options = options.iter().map(Into::into);
    let paths = [tree.path().as_os_str().to_owned(), unreadable];
    run(["demo".into()].into_iter().chain(options).chain(paths)).succeeded()
}

#[test]
fn words_are_counted_and_the_rest_is_skipped() {
    let found = demo(&mixed(), &["--check"]);
    assert_eq!(found.row("the")[0], "3");
    assert_eq!(found.row("dog")[0], "2");
    assert_eq!(found.row("größe")[0], "2");
    assert_eq!(found.row("my_x2")[0], "1");
    assert_eq!(found.row("0xff")[0], "1");
    assert_eq!(found.row("words"), ["14"]);
    assert_eq!(found.row("distinct words"), ["9"]);
    assert_eq!(found.row("files"), ["3"]);
    assert_eq!(found.row("skipped"), ["2"]);
    assert!(found.errors.contains("binary: not UTF-8"), "{found:#?}");
    assert!(found.errors.contains("unreadable: "), "{found:#?}");
}

#[test]
fn any_number_of_workers_comes_to_the_same() {
    let tree = mixed();
    for workers in ["1", "2", "4"] {
        for way in [&["--check"][..], &["--check", "--per-word"]] {
            let found = demo(&tree, &[&["--workers", workers], way].concat());
            let start = format!("check=ok words=14 distinct=9 workers={workers} seconds=");
            let seconds = found.last_line().strip_prefix(&start);
            let seconds = seconds.unwrap_or_else(|| panic!("{found:#?}"));
            assert!(seconds.parse::<f64>().is_ok(), "{seconds:?}");
            assert!(found.output.ends_with('\n'));
        }
    }
}

#[test]
fn many_files_are_counted_by_all() {
    let text: String = (0..2000).map(|i| format!("w{} common ", i % 300)).collect();
    let tree = (0..100).fold(Tree::new(), |tree, i| tree.file(&format!("{i}"), &text));
    let found = run(["demo", "-w4", "--check", tree.path().to_str().expect("UTF-8")]).succeeded();
    assert!(found.last_line().starts_with("check=ok words=400000 distinct=301 workers=4 "));
    assert_eq!(found.row("common"), ["200,000", "50.00 %"]);
}

#[test]
fn the_most_frequent_come_first() {
    let tree = Tree::new().file("text", "c c c b b a a a d");
    let path = tree.path().to_str().expect("UTF-8").to_owned();
    let found = run(["demo", "--top", "3", &path]).succeeded();
    let places = ["a", "c", "b"].map(|word| found.output.find(&format!("│ {word} ")));
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{found:#?}");
    assert!(!found.output.contains("│ d "), "{found:#?}");
}

#[test]
fn nothing_is_counted_too() {
    let tree = Tree::new();
    let found = run(["demo", "--check", tree.path().to_str().expect("UTF-8")]).succeeded();
    assert!(found.last_line().starts_with("check=ok words=0 distinct=0 workers=2 "));
}

#[test]
fn the_heap_is_described() {
    let found = demo(&mixed(), &["--size", "64MiB"]);
    assert_eq!(found.row("heap reserved"), ["64 MiB"]);
    for name in ["committed", "live", "live blocks", "slabs"] {
        assert_ne!(found.row(name)[0], "0", "{name}");
    }
    assert_eq!(found.row("block size"), ["slabs", "live blocks", "free blocks"]);
}

#[test]
fn the_current_directory_is_the_default() {
    let tree = mixed();
    let found = anymem(["demo", "--check"]).current_dir(tree.path()).output().expect("it runs");
    let found = Finished::of(found).succeeded();
    assert!(found.last_line().starts_with("check=ok words=14 distinct=9 workers=2 seconds="));
}

#[test]
fn names_need_not_be_text() {
    use std::os::unix::ffi::OsStrExt;
    let tree = Tree::new();
    let name = std::ffi::OsStr::from_bytes(b"not \xff text");
    std::fs::write(tree.path().join(name), "some words").expect("a file");
    let found = run([std::ffi::OsStr::new("demo"), tree.path().join(name).as_os_str()]);
    assert_eq!(found.succeeded().row("distinct words"), ["2"]);
}

#[test]
fn pipes_and_the_like_are_skipped() {
    let found = run(["demo", "--check", "/dev/null"]).succeeded();
    assert!(found.errors.contains("/dev/null: not a regular file"), "{found:#?}");
    assert_eq!(found.row("skipped"), ["1"]);
}

/// Enough words that many workers can be killed meanwhile.
fn long() -> Tree {
    let text: String = (0..20_000).map(|i| format!("w{} common ", i % 700)).collect();
    (0..100).fold(Tree::new(), |tree, i| tree.file(&format!("{i}"), &text))
}

/// How many workers were killed, were at a file then.
fn kills(found: &Finished) -> [u64; 2] {
    ["workers killed", "files handed on"].map(|row| found.row(row)[0].parse().expect("a number"))
}

#[test]
fn what_killed_workers_were_at_is_counted_once() {
    let tree = long();
    let path = tree.path().to_str().expect("UTF-8");
    for (seed, workers) in [("1", "1"), ("2", "2"), ("3", "4"), ("4", "4")] {
        for way in [&[][..], &["--per-word"]] {
            let options = ["demo", "--check", "--kill=40", "--seed", seed, "-w", workers, path];
            let found = run([&options[..], way].concat()).succeeded();
            let start = format!("check=ok words=4000000 distinct=701 workers={workers} ");
            assert!(found.last_line().starts_with(&start), "{found:#?}");
            assert_eq!(found.row("words"), ["4,000,000"]);
            assert_eq!(found.row("files"), ["100"]);
            assert_eq!(found.row("seed"), [seed]);
            assert!(found.output.contains(": whole: "), "{found:#?}");
            let [killed, handed_on] = kills(&found);
            assert!((1..=40).contains(&killed) && handed_on <= killed, "{found:#?}");
        }
    }
}

#[test]
fn no_more_are_killed_than_was_asked_for() {
    let tree = long();
    let path = tree.path().to_str().expect("UTF-8");
    let found = run(["demo", "--check", "--kill=1", path]).succeeded();
    // None, where the worker had just ended.
    assert!(kills(&found)[0] <= 1, "{found:#?}");
}

#[test]
fn workers_may_be_killed_when_there_is_nothing_to_count() {
    let tree = Tree::new();
    let path = tree.path().to_str().expect("UTF-8");
    let found = run(["demo", "--kill", "--check", path]).succeeded();
    assert!(found.last_line().starts_with("check=ok words=0 distinct=0 "), "{found:#?}");
}

#[test]
fn skipped_files_are_skipped_once_though_workers_are_killed() {
    let tree = (0..3000).fold(mixed(), |tree, i| tree.file(&format!("bad{i}"), b"\xff"));
    let found = demo(&tree, &["--check", "--kill=40", "--seed", "5"]);
    assert_eq!(found.row("skipped"), ["3,002"]);
    assert_eq!(found.row("files"), ["3"]);
    assert!(found.last_line().starts_with("check=ok words=14 distinct=9 "), "{found:#?}");
}

#[test]
fn bad_input_is_an_error_that_says_so() {
    run(["demo", "/no/such/path"]).failed_with(1, "cannot read \"/no/such/path\"");
    run(["demo", "--workers", "0"]).failed_with(2, "0 is not in 1..");
    run(["demo", "--workers", "many"]).failed_with(2, "invalid value 'many'");
    run(["demo", "--kill=0"]).failed_with(2, "0 is not in 1..");
    run(["demo", "--kill=some"]).failed_with(2, "invalid value 'some'");
    run(["demo", "--seed", "1"]).failed_with(2, "--kill");
    run(["demo", "--size", "12parsecs"]).failed_with(2, "the unit of \"12parsecs\"");
    run(["demo", "--size", "0", DIRECTORY]).failed_with(1, "a heap of 0 bytes holds nothing");
    run(["demo", "--size", "10", DIRECTORY]).failed_with(1, "use a larger size");
    run(["demo", "--size", "8000000TiB", DIRECTORY]).failed_with(1, "use a smaller size");
}

#[test]
fn a_full_segment_is_an_error_that_says_so() {
    let text: String = (0..200_000).map(|i| format!("word{i} ")).collect();
    let tree = Tree::new().file("text", text);
    let path = tree.path().to_str().expect("UTF-8").to_owned();
    for workers in ["1", "2"] {
        let found = run(["demo", "--size", "2MiB", "-w", workers, &path]);
        let found = found.failed_with(1, "the segment of 2 MiB is full: use a larger --size");
        assert_eq!(found.errors.lines().count(), 1, "{found:#?}");
    }
}

/// Runs the program where segments have 8 MiB; `None` where mounting is not
/// allowed.
fn run_in_little_space(arguments: &[&str]) -> Option<Finished> {
    let script = "mount -t tmpfs -o size=8m none /dev/shm && exec \"$0\" \"$@\"";
    let allowed = "mount -t tmpfs none /dev/shm";
    let aside = |script| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]);
        command
    };
    aside(allowed).output().ok().filter(|tried| tried.status.success())?;
    let program = env!("CARGO_BIN_EXE_anymem");
    let output = aside(script).arg(program).args(arguments).output();
    Some(Finished::of(output.expect("it runs as just before")))
}

#[test]
fn a_full_file_system_is_an_error_that_says_so() {
    let text: String = (0..400_000).map(|i| format!("word{i} ")).collect();
    let tree = Tree::new().file("text", text);
    let path = tree.path().to_str().expect("UTF-8").to_owned();
    let Some(found) = run_in_little_space(&["demo", &path]) else { return };
    found.failed_with(1, "no space is left where segments live");
}

#[test]
fn too_many_files_for_the_segment_are_an_error() {
    let tree = Tree::new();
    let long = "x".repeat(200);
    for i in 0..3000 {
        std::fs::write(tree.at(&format!("{i}{long}")), "").expect("a file");
    }
    let path = tree.path().to_str().expect("UTF-8").to_owned();
    run(["demo", "--size", "1MiB", &path]).failed_with(1, "use a larger --size");
}

#[test]
fn a_reader_that_leaves_is_no_reason_to_panic() {
    let tree = mixed();
    let mut child = anymem([std::ffi::OsStr::new("demo"), tree.path().as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    let mut errors = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut errors).expect("UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    assert!(!errors.contains("panicked") && !errors.contains("error:"), "{errors}");
}

#[test]
fn workers_work_for_their_parent_only() {
    run(["worker", "no-such-segment", "0"]).failed_with(1, "there is no heap named");
}
