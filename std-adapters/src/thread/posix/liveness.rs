//! Whether a process lives, read from `/proc` without allocating.
//!
//! `/proc/PID/stat` is one line: the id, the command in parentheses (which may
//! itself contain anything), then fields with spaces between. Fields used, as
//! numbered in proc(5): 3 state, 20 number of threads, 22 start time in clock
//! ticks since boot.

use core::str;

use anymem_core::thread::Owner;

use crate::sys::errno;
use crate::sys::proc::ProcPath;

/// What one line of `/proc` says about a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    state: u8,
    threads: u32,
    start: u64,
}

/// What tells this process, which is in `world`, from others of its id; 0 if
/// nothing can be told.
pub(super) fn own_start(world: u64) -> u64 {
    // Not by its id, which may mean another process to the `/proc` at hand.
    read(ProcPath::new(format_args!("/proc/self/stat"))).map_or(0, |stat| stat.start_in(world))
}

/// Whether `owner` may still act, as far as its id tells in `world`. Yes when in
/// doubt.
pub(super) fn is_alive(owner: Owner, world: u64) -> bool {
    if owner.pid == 0 {
        return false;
    }
    match read(ProcPath::new(format_args!("/proc/{}/stat", owner.pid))) {
        Some(stat) => !has_ended(stat) && is_same(owner, stat.start_in(world)),
        None => exists(owner.pid),
    }
}

impl Stat {
    /// The start time, different in every world.
    fn start_in(self, world: u64) -> u64 {
        (self.start ^ world).max(1)
    }
}

/// Whether all threads have ended. The first thread may end before the others,
/// and is a zombie until they have.
fn has_ended(stat: Stat) -> bool {
    matches!(stat.state, b'Z' | b'X' | b'x') && stat.threads <= 1
}

/// Whether `owner` is the process that started at `start`. Compared as words,
/// for that is how owners are stored.
fn is_same(owner: Owner, start: u64) -> bool {
    let known = owner.start != 0 && start != 0;
    !known || owner.to_word() == (Owner { start, ..owner }).to_word()
}

/// Whether there is a process `pid`, as far as the kernel tells us.
///
/// `/proc` may be missing, or hide other users' processes.
fn exists(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else { return false };
    // SAFETY: signal 0 is not delivered.
    unsafe { libc::kill(pid, 0) == 0 || errno() != libc::ESRCH }
}

fn read(path: ProcPath) -> Option<Stat> {
    let mut line = [0_u8; 1024];
    parse(path.read(&mut line)?)
}

fn parse(line: &[u8]) -> Option<Stat> {
    let command_end = line.iter().rposition(|byte| *byte == b')')?;
    let mut fields = str::from_utf8(line.get(command_end + 1..)?).ok()?.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let threads = fields.nth(16)?.parse().ok()?;
    let start = fields.nth(1)?.parse().ok()?;
    Some(Stat { state, threads, start })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_may_contain_anything() {
        let line = b"7 (a) S (b) R 1 7 7 0 -1 4194304 1 0 0 0 2 3 0 0 20 0 5 0 987 1 2";
        let expected = Stat { state: b'R', threads: 5, start: 987 };
        assert_eq!(parse(line), Some(expected));
    }

    #[test]
    fn half_a_line_tells_nothing() {
        assert_eq!(parse(b"7 (a) R 1 7"), None);
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn this_process_lives() {
        let pid = std::process::id();
        let start = own_start(7);
        assert_ne!(start, 0);
        assert!(is_alive(Owner { pid, start }, 7));
        assert!(is_alive(Owner { pid, start: 0 }, 7));
        assert!(!is_alive(Owner { pid, start: start + 1 }, 7));
        assert!(!is_alive(Owner { pid: 0, start }, 7));
    }

    #[test]
    fn a_process_of_another_world_is_another() {
        let (pid, start) = (std::process::id(), own_start(7));
        assert!(!is_alive(Owner { pid, start }, 8));
    }
}
