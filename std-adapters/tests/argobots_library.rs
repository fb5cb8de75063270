//! The model of Argobots on Argobots, where it is installed.
#![cfg(all(unix, feature = "argobots"))]

use std::path::Path;

#[path = "argobots/mod.rs"]
mod scenarios;

use scenarios::Runtime;

#[test]
fn user_level_threads_of_argobots() {
    if scenarios::is_peer() {
        return;
    }
    let mut files = ["libabt.so.1", "libabt.so.0", "libabt.so"].into_iter();
    match files.find_map(|file| Runtime::load(Path::new(file)).ok()) {
        Some(runtime) => scenarios::run(&runtime),
        None => eprintln!("skipped: no libabt.so"),
    }
}
