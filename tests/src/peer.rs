//! Other processes: this test binary again, running its test `peer`.

use std::io::{BufRead, BufReader, Write, stdin};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::watchdog;

const ROLE: &str = "ANYMEM_TEST_PEER";
const MARK: &str = "@@";

/// Seconds after which a process that does not end is ended, and its test
/// fails.
const PATIENCE: u32 = 600;

/// How often a process is started that ends before it begins.
const STARTS: usize = 5;

/// `ERROR_INTERNAL_ERROR`: what Wine 8 says of one process in some thousands that are started
/// while another thread ends others. Only Windows has errors of this number.
const NOT_BEGUN: i32 = 1359;

/// Another process: this test binary, running only its test `peer`.
#[derive(Debug)]
pub struct Peer {
    /// The process.
    pub child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a process that finds `words` in [`role`].
    #[must_use]
    pub fn start(words: &[&str]) -> Self {
        Self::from_command(&mut Self::command(words))
    }

    /// The command that [`start`](Self::start) runs.
    #[must_use]
    pub fn command(words: &[&str]) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.args(["--exact", "peer", "--nocapture"]).env(ROLE, words.join("\n"));
        command
    }

    /// Starts any process that [`tell`]s and [`listen`]s.
    #[must_use]
    pub fn from_command(command: &mut Command) -> Self {
        let mut child = spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()));
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, input, output }
    }

    /// Its process id.
    #[must_use]
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

/// Starts a process, again where it ended before it began.
fn spawn(command: &mut Command) -> Child {
    let mut again = 1..STARTS;
    loop {
        match command.spawn() {
            Err(error) if error.raw_os_error() == Some(NOT_BEGUN) && again.next().is_some() => {
                eprintln!("again: {error}");
            }
            spawned => return spawned.expect("another process"),
        }
    }
}

/// What this process was started to do, if it is a [`Peer`].
#[must_use]
pub fn role() -> Option<Vec<String>> {
    let words = std::env::var(ROLE).ok()?;
    watchdog(PATIENCE);
    Some(words.lines().map(str::to_owned).collect())
}

/// Says a line to the process that started this one.
pub fn tell(line: &str) {
    println!("{MARK}{line}");
}

/// Waits for a line from the process that started this one; empty if it ended.
#[must_use]
pub fn listen() -> String {
    let mut line = String::new();
    stdin().lock().read_line(&mut line).expect("readable");
    line.trim_end().to_owned()
}
