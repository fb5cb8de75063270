//! An end for processes that do not end.

use std::thread;
use std::time::Duration;

/// Ends this process when it has not ended within `seconds`.
pub fn watchdog(seconds: u32) {
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(seconds.into()));
        eprintln!("FAILED: not over within {seconds} s");
        std::process::exit(102);
    });
}
