//! An end for processes that do not end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Ends this process when it has not ended within `seconds` of the last call.
pub fn watchdog(seconds: u32) {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(seconds.into()));
        if CALLS.load(Ordering::Relaxed) == call {
            eprintln!("FAILED: not over within {seconds} s");
            std::process::exit(102);
        }
    });
}
