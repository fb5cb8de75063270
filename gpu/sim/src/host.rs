//! What the processor may do with its own memory.

use std::fs;

use crate::SimError;
use crate::space::Access;

/// What may be done with all of the bytes, as the kernel tells.
pub(crate) fn access(address: u64, bytes: usize) -> Result<Access, SimError> {
    let maps = fs::read_to_string("/proc/self/maps").map_err(|error| SimError::System {
        call: "read of /proc/self/maps",
        code: error.raw_os_error().unwrap_or(0),
    })?;
    Ok(access_by(&maps, address, address.saturating_add(bytes as u64)))
}

fn access_by(maps: &str, start: u64, end: u64) -> Access {
    let (mut at, mut access) = (start, Access::Write);
    for (from, to, here) in maps.lines().filter_map(mapping).filter(|it| it.1 > start) {
        if at >= end || from > at {
            break;
        }
        (at, access) = (to, access.min(here));
    }
    if at >= end { access } else { Access::None }
}

/// A line of the file: from where to where, and what may be done there.
fn mapping(line: &str) -> Option<(u64, u64, Access)> {
    let (range, rest) = line.split_once(' ')?;
    let (from, to) = range.split_once('-')?;
    let access = match rest.as_bytes() {
        [b'r', b'w', ..] => Access::Write,
        [b'r', ..] => Access::Read,
        _ => Access::None,
    };
    Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?, access))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
1000-2000 rw-p 00000000 00:00 0
2000-3000 r--p 00000000 00:00 0 /some file
5000-6000 rw-s 00000000 00:00 0
6000-7000 ---p 00000000 00:00 0
";

    #[test]
    fn the_least_of_all_pages_counts() {
        assert_eq!(access_by(MAPS, 0x1000, 0x2000), Access::Write);
        assert_eq!(access_by(MAPS, 0x1800, 0x2800), Access::Read);
        assert_eq!(access_by(MAPS, 0x2800, 0x3800), Access::None);
        assert_eq!(access_by(MAPS, 0x5000, 0x7000), Access::None);
        assert_eq!(access_by(MAPS, 0x3000, 0x4000), Access::None);
    }
}
