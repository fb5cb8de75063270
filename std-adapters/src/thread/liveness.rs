//! Whether a process lives, read from `/proc` without allocating.
//!
//! `/proc/PID/stat` is one line: the id, the command in parentheses (which may
//! itself contain anything), then fields with spaces between. Fields used, as
//! numbered in proc(5): 3 state, 20 number of threads, 22 start time in clock
//! ticks since boot.

use core::str;

use anymem_core::thread::Owner;

use crate::sys::errno;

/// What one line of `/proc` says about a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    state: u8,
    threads: u32,
    start: u64,
}

/// When process `pid` started; 0 if that can't be told.
pub(crate) fn start_time(pid: u32) -> u64 {
    read(pid).map_or(0, |stat| stat.start)
}

/// Whether `owner` may still act. Yes when in doubt.
pub(crate) fn is_alive(owner: Owner) -> bool {
    if owner.pid == 0 {
        return false;
    }
    match read(owner.pid) {
        Some(stat) => !has_ended(stat) && is_same(owner, stat.start),
        None => exists(owner.pid),
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

fn read(pid: u32) -> Option<Stat> {
    let mut line = [0_u8; 1024];
    parse(read_file(&path(pid), &mut line)?)
}

/// `/proc/PID/stat` with a zero byte at the end.
fn path(pid: u32) -> [u8; 32] {
    let mut path = [0; 32];
    let mut digits = [b'0'; 10];
    let mut rest = pid;
    let mut first = digits.len();
    while let Some(digit) = digits[..first].last_mut() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        first -= 1;
        if rest == 0 {
            break;
        }
    }
    let parts = [b"/proc/".as_slice(), &digits[first..], b"/stat"];
    for (to, from) in path.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    path
}

/// The beginning of a file, as much as fits.
fn read_file<'a>(path: &[u8; 32], buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    // SAFETY: the path ends in a zero byte: the longest is 21 bytes long.
    let file = unsafe { libc::open(path.as_ptr().cast(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return None;
    }
    // SAFETY: the file was just opened, and the buffer is writable.
    let got = unsafe { libc::read(file, buffer.as_mut_ptr().cast(), buffer.len()) };
    // SAFETY: the file was opened here, and is closed once.
    unsafe { libc::close(file) };
    buffer.get(..usize::try_from(got).ok()?)
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
    fn a_path_is_written_without_allocating() {
        for pid in [1, 42, 4_194_304, u32::MAX] {
            let expected = format!("/proc/{pid}/stat\0");
            assert_eq!(&path(pid)[..expected.len()], expected.as_bytes());
        }
    }

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
        let start = start_time(pid);
        assert_ne!(start, 0);
        assert!(is_alive(Owner { pid, start }));
        assert!(is_alive(Owner { pid, start: 0 }));
        assert!(!is_alive(Owner { pid, start: start + 1 }));
        assert!(!is_alive(Owner { pid: 0, start }));
    }
}
