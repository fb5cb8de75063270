//! Memory cgroups.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::skip;

/// For how long a group is waited for whose processes have ended.
const PATIENCE: Duration = Duration::from_secs(60);

/// A memory cgroup of a test's own.
#[derive(Debug)]
pub struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// A group that may have `limit` bytes, swapped out or not; `None`, with a line that says
    /// so, where there can be none.
    #[must_use]
    pub fn new(test: &str, limit: usize) -> Option<Self> {
        let name = format!("test.anymem.{test}.{}", std::process::id());
        // What is swapped out counts together with the rest, or apart.
        let kinds = [
            (
                "/sys/fs/cgroup/memory",
                [("memory.limit_in_bytes", limit), ("memory.memsw.limit_in_bytes", limit)],
            ),
            ("/sys/fs/cgroup", [("memory.max", limit), ("memory.swap.max", 0)]),
        ];
        let made = |(root, limits)| Self::made(Path::new(root).join(&name), limits);
        let group = kinds.into_iter().find_map(made);
        if group.is_none() {
            skip("cgroup", "memory cgroup with a limit");
        }
        group
    }

    fn made(path: PathBuf, [memory, swap]: [(&str, usize); 2]) -> Option<Self> {
        // A test that was killed may have left it.
        let _ = fs::remove_dir(&path);
        fs::create_dir(&path).ok()?;
        let group = Self(path);
        let is_set = |(file, bytes): (_, usize)| group.set(file, &bytes.to_string());
        if is_set(memory) && (is_set(swap) || !can_swap()) {
            return Some(group);
        }
        group.remove();
        None
    }

    /// The group at `path`.
    #[must_use]
    pub fn at(path: &str) -> Self {
        Self(path.into())
    }

    /// Where it is.
    ///
    /// # Panics
    ///
    /// Panics if the path is no text.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }

    /// Moves this process into the group.
    ///
    /// # Panics
    ///
    /// Panics if it may not.
    pub fn join(&self) {
        assert!(self.set("cgroup.procs", &std::process::id().to_string()), "not joined");
    }

    fn set(&self, file: &str, value: &str) -> bool {
        fs::write(self.0.join(file), value).is_ok()
    }

    /// Removes the group of a process that has ended, which the system may still be at.
    ///
    /// # Panics
    ///
    /// Panics if it has processes.
    pub fn remove(self) {
        let begun = Instant::now();
        while let Err(error) = fs::remove_dir(&self.0) {
            let is_busy = error.kind() == ErrorKind::ResourceBusy;
            assert!(is_busy && begun.elapsed() < PATIENCE, "{self:?}: {error}");
            thread::yield_now();
        }
    }
}

/// Whether the system has anywhere to swap memory out to.
fn can_swap() -> bool {
    // Below a line that says what is in the others.
    fs::read_to_string("/proc/swaps").is_ok_and(|it| it.lines().nth(1).is_some())
}
