//! What the tests share: other processes, names that go away, directories.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::fs;
use std::io::{BufRead, BufReader, Write, stdin};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use anymem::SharedHeap;

const ROLE: &str = "ANYMEM_TEST_PEER";
const MARK: &str = "@@";

/// Another process: this test binary, running only its test `peer`.
pub struct Peer {
    pub child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a process that finds `words` in [`role`].
    pub fn start(words: &[&str]) -> Self {
        Self::from_command(&mut Self::command(words))
    }

    /// The command that [`start`](Self::start) runs.
    pub fn command(words: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.args(["--exact", "peer", "--nocapture"]).env(ROLE, words.join("\n"));
        command
    }

    pub fn from_command(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("another process");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, input, output }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a line to the process's [`listen`].
    pub fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the peer listens");
    }

    /// Waits for what the process [`tell`]s.
    pub fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let got = self.output.read_line(&mut line).expect("readable");
            assert_ne!(got, 0, "the peer ended without a word");
            if let Some((_, said)) = line.trim_end().split_once(MARK) {
                return said.to_owned();
            }
        }
    }

    /// Waits for the process to end well.
    pub fn finish(self) {
        let Self { mut child, input, output } = self;
        drop(input);
        // Read to the end, so that the process never waits for us.
        for line in output.lines() {
            line.expect("readable");
        }
        let status = child.wait().expect("it ends");
        assert!(status.success(), "the peer failed: {status}");
    }

    /// Ends the process at once, by SIGKILL, and waits for it.
    pub fn kill(mut self) {
        self.child.kill().expect("still there");
        self.child.wait().expect("it ends");
    }
}

/// What this process was started to do, if it is a [`Peer`].
pub fn role() -> Option<Vec<String>> {
    std::env::var(ROLE).ok().map(|words| words.lines().map(str::to_owned).collect())
}

/// Says a line to the process that started this one.
pub fn tell(line: &str) {
    println!("{MARK}{line}");
}

/// Waits for a line from the process that started this one.
pub fn listen() -> String {
    let mut line = String::new();
    stdin().lock().read_line(&mut line).expect("readable");
    line.trim_end().to_owned()
}

/// A name that no other test has; what it names goes when this does.
pub struct Name(String);

impl Name {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(format!("test.{}.{count}", std::process::id()))
    }

    pub fn path(&self) -> PathBuf {
        Path::new("/dev/shm").join(format!("anymem.{}", self.0))
    }
}

impl std::ops::Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = SharedHeap::unlink(&self.0);
    }
}

/// A directory of the test's own, removed when it goes.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new(tag: &str) -> Self {
        let path = Path::new("/dev/shm").join(format!("test.anymem.{tag}.{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    /// What is in it.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("readable").map(|entry| entry.expect("entry"));
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How many address ranges this process has mapped whose line contains `what`.
pub fn maps(what: &str) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").expect("readable");
    maps.lines().filter(|line| line.contains(what)).count()
}

/// How many files this process has open whose path contains `what`.
pub fn files(what: &str) -> usize {
    let entries = fs::read_dir("/proc/self/fd").expect("readable").flatten();
    let paths = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    paths.filter(|path| path.to_string_lossy().contains(what)).count()
}

pub fn is_root() -> bool {
    // SAFETY: takes nothing.
    unsafe { libc::geteuid() == 0 }
}
