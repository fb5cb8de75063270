//! Lines for people: what goes wrong where no caller can be told, and what pools were asked
//! to trace.
//!
//! All that a caller can be told is an error value, so there is little to say here and no
//! level to choose: what is traced is chosen pool by pool. A line is one write, so those of
//! several processes do not mix.

use core::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::thread::fork;

/// Where lines go, and what they begin with.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    /// `stderr`, `stdout`, or the path of a file that they are added to.
    pub(crate) output: String,
    /// Whether they have the seconds since 1970.
    pub(crate) timestamp: bool,
    /// Whether they have the number of the process.
    pub(crate) pid: bool,
}

static LOG: Mutex<Option<Log>> = Mutex::new(None);

impl Log {
    /// As it is now.
    pub(crate) fn now() -> Self {
        let _hold = fork::hold();
        locked().clone().unwrap_or_default()
    }

    /// Changes it, from the next line on.
    pub(crate) fn change(change: impl FnOnce(&mut Self)) {
        let _hold = fork::hold();
        change(locked().get_or_insert_default());
    }

    fn write(&self, line: &[u8]) -> io::Result<()> {
        match self.output.as_str() {
            "stderr" => io::stderr().write_all(line),
            "stdout" => io::stdout().write_all(line),
            // Not kept open: programs close descriptors that they do not know.
            path => open(path)?.write_all(line),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { output: "stderr".to_owned(), timestamp: false, pid: false }
    }
}

/// Opens a file that lines are added to, or makes one for its owner alone.
pub(crate) fn open(path: &str) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

/// Tells `message`. Where there is nobody to read it, nothing is lost.
pub(crate) fn tell(message: fmt::Arguments<'_>) {
    let log = Log::now();
    let mut line = String::new();
    if log.timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        line += &format!("{}.{:06} ", since.as_secs(), since.subsec_micros());
    }
    line += "anymem";
    if log.pid {
        line += &format!("[{}]", std::process::id());
    }
    line += &format!(": {message}\n");
    let _ = log.write(line.as_bytes());
}

fn locked() -> MutexGuard<'static, Option<Log>> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}
