//! The heap profile, written when the process exits.

use core::fmt::Write;
use std::path::{self, PathBuf};
use std::process;
use std::sync::OnceLock;

use crate::process::HEAP;
use crate::stderr::Stderr;

/// In a path: the id of the process that writes.
const PID: &str = "{pid}";

/// Where to, and which process was told so.
static TARGET: OnceLock<(String, u32)> = OnceLock::new();

/// Has the profile written to `path` when the process exits. A path that is not
/// absolute is meant from where the process is now.
#[cold]
#[inline(never)]
pub(crate) fn at_exit(path: &str) {
    // What is allocated here is not the program's.
    if let Some(profile) = HEAP.profile() {
        profile.without(|| prepare(path));
    }
}

fn prepare(path: &str) {
    let target =
        path::absolute(path).ok().and_then(|path| path.into_os_string().into_string().ok());
    if TARGET.set((target.unwrap_or(path.into()), process::id())).is_ok() {
        // SAFETY: the function lives for ever. Without memory for it there is
        // no profile.
        let _ = unsafe { libc::atexit(write_at_exit) };
    }
}

extern "C" fn write_at_exit() {
    let (Some(profile), Some(path)) = (HEAP.profile(), file()) else { return };
    if let Err(error) = profile.write(&path) {
        let path = path.display();
        let _ = writeln!(Stderr::kept(), "anymem: no profile in {path}: {error}");
    }
}

/// The file of this process: a forked child does not write to its parent's.
fn file() -> Option<PathBuf> {
    let (target, first) = TARGET.get()?;
    let pid = process::id();
    Some(if target.contains(PID) {
        target.replace(PID, &pid.to_string()).into()
    } else if pid == *first {
        target.into()
    } else {
        format!("{target}.{pid}").into()
    })
}
