//! How much memory there is to take.
//!
//! Taking more than there is has no error: the kernel ends some process instead. So who
//! takes much asks first.

use std::fs;
use std::path::{Path, PathBuf};

/// How many bytes of memory are left to this process, as far as the system tells: the
/// machine's, swap included, and those of the control groups that it is in.
pub(crate) fn left() -> usize {
    let groups = groups().into_iter().filter_map(|group| left_in(&group));
    groups.chain(left_in_machine()).min().unwrap_or(usize::MAX)
}

fn left_in_machine() -> Option<usize> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let available = field(&text, "MemAvailable:")?;
    Some((available + field(&text, "SwapFree:").unwrap_or(0)).saturating_mul(1024))
}

/// The control groups of this process that limit memory, and those they are in.
fn groups() -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    // A line is `number:controllers:path`, with no controllers in version 2.
    let own = text.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let root = match controllers {
            "" => "/sys/fs/cgroup",
            list if list.split(',').any(|it| it == "memory") => "/sys/fs/cgroup/memory",
            _ => return None,
        };
        let (root, path) = (Path::new(root), Path::new(path.trim_start_matches('/')));
        let all = path.ancestors().map(|part| root.join(part));
        Some(all.collect::<Vec<_>>())
    });
    own.flatten().collect()
}

fn left_in(group: &Path) -> Option<usize> {
    let number = |name: &str| {
        fs::read_to_string(group.join(name)).ok().and_then(|text| text.trim().parse().ok())
    };
    let either = |new, old| number(new).or_else(|| number(old));
    let limit: usize = either("memory.max", "memory.limit_in_bytes")?;
    let used = either("memory.current", "memory.usage_in_bytes")?;
    // Copies of files are counted, but go when something else needs the room.
    let stat = fs::read_to_string(group.join("memory.stat")).unwrap_or_default();
    let copies = field(&stat, "inactive_file ").unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(copies)))
}

/// The number behind a name.
fn field(text: &str, name: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
