//! What the tests share: running the program, and trees of files.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anymem::SharedHeap;
use tempfile::TempDir;

/// Where the system keeps POSIX shared memory.
pub const DIRECTORY: &str = "/dev/shm";

/// Tells a process the heap that it is to use.
const HEAP: &str = "ANYMEM_TEST_HEAP";

/// How long anything may take, on a machine that does much else.
const DEADLINE: Duration = Duration::from_secs(120);

/// The program with some arguments.
pub fn anymem<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anymem"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program to its end, and looks whether it left a segment.
pub fn run<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Finished {
    let mut command = anymem(arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.expect("the program runs");
    let segment = segment_path(&format!("demo-{}", child.id()));
    let finished = Finished::of(child.wait_with_output().expect("its output"));
    assert!(!segment.exists(), "{segment:?} is left behind by {finished:#?}");
    finished
}

/// What a program left.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub output: String,
    pub errors: String,
}

impl Finished {
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { status: output.status, output: text(output.stdout), errors: text(output.stderr) }
    }

    #[track_caller]
    pub fn succeeded(self) -> Self {
        assert!(self.status.success(), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn failed_with(self, code: i32, message: &str) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        assert!(self.errors.contains(message), "{message:?} is not in {self:#?}");
        assert!(!self.errors.contains("panicked"), "{self:#?}");
        self
    }

    pub fn last_line(&self) -> &str {
        self.output.lines().last().unwrap_or_default()
    }

    /// The rest of the table row that begins with the cell `name`.
    #[track_caller]
    pub fn row(&self, name: &str) -> Vec<&str> {
        let rows = self.output.lines().map(cells);
        let found = rows.into_iter().find(|row: &Vec<&str>| row.first() == Some(&name));
        found.unwrap_or_else(|| panic!("no row {name:?} in {self:#?}")).split_off(1)
    }
}

/// The cells of a table's line.
fn cells(line: &str) -> Vec<&str> {
    line.split(['│', '┆']).map(str::trim).filter(|cell| !cell.is_empty()).collect()
}

/// A tree of files, which goes when it is dropped.
pub struct Tree {
    directory: TempDir,
}

impl Tree {
    pub fn new() -> Self {
        Self { directory: TempDir::new().expect("a directory") }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    #[must_use]
    pub fn file(self, name: &str, contents: impl AsRef<[u8]>) -> Self {
        let path = self.at(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, contents).expect("a file");
        self
    }

    #[must_use]
    pub fn link(self, name: &str, to: &str) -> Self {
        std::os::unix::fs::symlink(to, self.at(name)).expect("a link");
        self
    }

    /// As many words as take minutes to count: one file under many names.
    pub fn endless() -> Self {
        let text: String = (0..100_000).map(|i| format!("word{} ", i % 5000)).collect();
        let tree = Self::new().file("original", text);
        for name in 0..20_000 {
            fs::hard_link(tree.at("original"), tree.at(&format!("{name:05}"))).expect("a link");
        }
        tree
    }
}

/// Waits until `condition` gives something.
#[track_caller]
pub fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

/// A `demo` that is running, with its workers; killed when it is dropped.
pub struct Running {
    child: Option<Child>,
    pub workers: Vec<u32>,
    pid: u32,
}

impl Running {
    /// Starts a count and waits until `workers` workers have the segment open.
    pub fn start(command: &mut Command, workers: usize) -> Self {
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let pid = child.id();
        let mut running = Self { child: Some(child), workers: Vec::new(), pid };
        running.workers = until("the workers", || {
            let attached: Vec<_> =
                running.children().filter(|pid| running.has_open(*pid)).collect();
            (attached.len() == workers).then_some(attached)
        });
        running
    }

    fn children(&self) -> impl Iterator<Item = u32> {
        let path = format!("/proc/{0}/task/{0}/children", self.pid);
        let line = fs::read_to_string(path).unwrap_or_default();
        let pids: Vec<_> = line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        pids.into_iter()
    }

    fn has_open(&self, pid: u32) -> bool {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        maps.contains(&format!("anymem.{}", self.name()))
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The name of its segment.
    pub fn name(&self) -> String {
        format!("demo-{}", self.pid)
    }

    pub fn has_segment(&self) -> bool {
        segment_path(&self.name()).exists()
    }

    /// Waits for its end.
    pub fn finish(&mut self) -> Finished {
        let child = self.child.take().expect("it was not waited for");
        Finished::of(child.wait_with_output().expect("its output"))
    }

    /// Whether all workers have ended.
    pub fn is_alone(&self) -> bool {
        self.workers.iter().all(|pid| has_ended(*pid))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn has_ended(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_none_or(|rest| rest.is_empty() || rest.starts_with(" Z"))
}

/// Sends a signal.
pub fn send(signal: rustix::process::Signal, pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a process");
    rustix::process::kill_process(pid, signal).expect("it is there");
}

/// Runs an ignored test of this program as a process that uses the heap `name`
/// and is to end by SIGKILL; its number.
pub fn die(test: &str, name: &Name) -> u32 {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "--ignored", test])
        .env(HEAP, &name.0)
        .spawn()
        .expect("it starts");
    assert_eq!(child.wait().expect("it ends").signal(), Some(9));
    child.id()
}

/// The heap that a process which [`die`] started is to use.
pub fn heap_to_die_with() -> SharedHeap {
    SharedHeap::open(&std::env::var(HEAP).expect("a name")).expect("the heap")
}

/// Where the segment `name` is.
pub fn segment_path(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(format!("anymem.{name}"))
}

/// A name that no other test uses, and whose segment goes when it is dropped.
pub struct Name(pub String);

impl Name {
    pub fn new(label: &str) -> Self {
        Self(format!("cli-test.{}.{label}", std::process::id()))
    }

    pub fn path(&self) -> PathBuf {
        segment_path(&self.0)
    }

    pub fn write(&self, contents: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(), contents).expect("a file");
        self
    }
}

/// Runs `work` while the segment is cut off and restored, over and over.
pub fn while_cut_off<R>(name: &Name, work: impl FnOnce() -> R) -> R {
    let bytes = fs::read(name.path()).expect("its bytes");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                name.write("").write(&bytes);
            }
        });
        let worked = work();
        done.store(true, Ordering::Relaxed);
        worked
    })
}

impl Drop for Name {
    fn drop(&mut self) {
        let gone = fs::remove_file(self.path()).or_else(|_| fs::remove_dir(self.path()));
        let _: io::Result<()> = gone;
    }
}

/// The signal that ended a program.
pub fn killed_by(status: ExitStatus) -> Option<i32> {
    status.signal()
}
