//! Which processes have a file mapped, as the system tells.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{major, minor};

/// Names a file for as long as it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct FileId {
    major: u32,
    minor: u32,
    inode: u64,
}

/// The mappings of all processes that this one may look at.
#[derive(Debug, Default)]
pub(crate) struct Mappings {
    pids: HashMap<FileId, BTreeSet<u32>>,
}

impl Mappings {
    /// Reads them; none where the system does not tell.
    pub(crate) fn read() -> Self {
        let mut mappings = Self::default();
        let Ok(processes) = fs::read_dir("/proc") else { return mappings };
        for process in processes.flatten() {
            let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // Processes end, and those of others are closed to us.
            let maps = fs::read(process.path().join("maps")).unwrap_or_default();
            let lines = maps.split(|byte| *byte == b'\n');
            for file in lines.filter_map(|line| file_of(str::from_utf8(line).ok()?)) {
                mappings.pids.entry(file).or_default().insert(pid);
            }
        }
        mappings
    }

    /// The processes that have the file at `path` mapped.
    pub(crate) fn of(&self, path: &Path) -> impl Iterator<Item = u32> {
        let file = fs::symlink_metadata(path).ok().map(|found| FileId {
            major: major(found.dev()),
            minor: minor(found.dev()),
            inode: found.ino(),
        });
        file.and_then(|file| self.pids.get(&file)).into_iter().flatten().copied()
    }
}

/// The file in a line of `/proc/PID/maps`: range, rights, offset, device, inode
/// and path, with spaces between.
fn file_of(line: &str) -> Option<FileId> {
    let mut fields = line.split_ascii_whitespace().skip(3);
    let (major, minor) = fields.next()?.split_once(':')?;
    let number = |text| u32::from_str_radix(text, 16).ok();
    let inode = fields.next()?.parse().ok().filter(|inode| *inode != 0)?;
    Some(FileId { major: number(major)?, minor: number(minor)?, inode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_file() {
        let line = "7f0a-7f0b rw-s 00000000 00:1a 4711   /dev/shm/anymem.a b";
        assert_eq!(file_of(line), Some(FileId { major: 0, minor: 0x1a, inode: 4711 }));
    }

    #[test]
    fn other_lines_name_none() {
        for line in ["", "7f0a-7f0b rw-p 00000000 00:00 0", "7f0a-7f0b rw-p", "a b c d e f"] {
            assert_eq!(file_of(line), None);
        }
    }

    #[test]
    fn this_process_has_its_program_mapped() {
        let program = std::env::current_exe().expect("a program");
        let mut pids = Mappings::read().pids.into_values().flatten();
        assert!(pids.any(|pid| pid == std::process::id()), "{program:?}");
    }
}
