//! Locks on bytes of a file, which belong to an open file (an "open file
//! description"), not to a process.
//!
//! The kernel releases them with the last descriptor of the open file, however
//! its processes end, and shows them across PID namespaces. Nothing need be at
//! the bytes, which may lie far beyond the end of the file.

use core::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::sys::errno;

/// Locks `bytes` through `file`, together with whoever else does; whether the
/// file system could.
pub(crate) fn share(file: BorrowedFd<'_>, bytes: Range<i64>) -> bool {
    let mut lock = request(libc::F_RDLCK, bytes);
    persistently(file, libc::F_OFD_SETLK, &mut lock).is_ok()
}

/// Locks `bytes` through `file` for nobody else; whether nobody had a lock there.
pub(crate) fn take(file: BorrowedFd<'_>, bytes: Range<i64>) -> bool {
    let mut lock = request(libc::F_WRLCK, bytes);
    persistently(file, libc::F_OFD_SETLK, &mut lock).is_ok()
}

/// Sets free all that is locked through `file`, also for who has copies of its descriptor:
/// a program that another thread is just starting has, until it runs.
pub(crate) fn release(file: BorrowedFd<'_>) {
    // Without a length: all that follows.
    let _ = persistently(file, libc::F_OFD_SETLK, &mut request(libc::F_UNLCK, 0..0));
}

/// Those of `bytes` that are locked through another open file than `file`.
pub(crate) fn locked(file: BorrowedFd<'_>, bytes: Range<i64>) -> Vec<i64> {
    if bytes.is_empty() || !is_locked(file, bytes.clone()) {
        return Vec::new();
    }
    if bytes.end - bytes.start == 1 {
        return vec![bytes.start];
    }
    let middle = bytes.start.midpoint(bytes.end);
    let halves = [bytes.start..middle, middle..bytes.end];
    halves.into_iter().flat_map(|half| locked(file, half)).collect()
}

/// Whether any of `bytes` is locked through another open file than `file`.
///
/// Yes when in doubt; no where the file system has no locks.
pub(crate) fn is_locked(file: BorrowedFd<'_>, bytes: Range<i64>) -> bool {
    // What no shared lock allows: a lock of one's own.
    let mut lock = request(libc::F_WRLCK, bytes);
    match persistently(file, libc::F_OFD_GETLK, &mut lock) {
        Ok(()) => i32::from(lock.l_type) != libc::F_UNLCK,
        Err(code) => !has_none(code),
    }
}

/// Whether the error number says that there are no such locks.
fn has_none(code: i32) -> bool {
    matches!(code, libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP | libc::ENOLCK)
}

fn request(kind: i32, bytes: Range<i64>) -> libc::flock64 {
    // SAFETY: all zeroes are a value of the structure.
    let mut lock: libc::flock64 = unsafe { core::mem::zeroed() };
    lock.l_type = kind as _;
    lock.l_whence = libc::SEEK_SET as _;
    lock.l_start = bytes.start;
    lock.l_len = bytes.end.saturating_sub(bytes.start);
    lock
}

/// Makes a request, again where a signal cut it off.
fn persistently(file: BorrowedFd<'_>, command: i32, lock: &mut libc::flock64) -> Result<(), i32> {
    loop {
        // SAFETY: the file is open for as long as it is borrowed; the structure
        // is readable and writable.
        if unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut *lock) } == 0 {
            return Ok(());
        }
        match errno() {
            libc::EINTR => {}
            code => return Err(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;
    use std::path::PathBuf;

    use super::*;

    /// A file that is removed with this.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(tag: &str) -> Self {
            let name = format!("anymem-lock-{tag}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            File::create(&path).expect("made");
            Self(path)
        }

        fn open(&self) -> File {
            File::open(&self.0).expect("there")
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    const FAR: i64 = 1 << 62;

    #[test]
    fn a_lock_is_seen_through_other_open_files_until_the_last_descriptor_closes() {
        let scratch = Scratch::new("seen");
        let (own, other) = (scratch.open(), scratch.open());
        assert!(share(own.as_fd(), FAR..FAR + 1));
        assert!(is_locked(other.as_fd(), FAR..FAR + 1));
        assert!(is_locked(other.as_fd(), FAR - 10..FAR + 10));
        assert!(!is_locked(other.as_fd(), FAR + 1..FAR + 10));
        assert!(!is_locked(own.as_fd(), FAR..FAR + 1), "it is one's own");
        let copy = own.try_clone().expect("a descriptor");
        drop(own);
        assert!(is_locked(other.as_fd(), FAR..FAR + 1));
        drop(copy);
        assert!(!is_locked(other.as_fd(), FAR..FAR + 1));
    }

    #[test]
    fn what_is_released_is_free_though_there_are_copies() {
        let scratch = Scratch::new("released");
        let (own, other) = (scratch.open(), scratch.open());
        assert!(share(own.as_fd(), FAR..FAR + 1) && share(own.as_fd(), 7..8));
        let _copy = own.try_clone().expect("a descriptor");
        release(own.as_fd());
        assert!(!is_locked(other.as_fd(), 0..i64::MAX));
    }

    #[test]
    fn one_takes_a_byte() {
        let scratch = Scratch::new("one");
        let open = || File::options().read(true).write(true).open(&scratch.0).expect("there");
        let (first, second, other) = (open(), open(), open());
        assert!(take(first.as_fd(), 7..8) && !take(second.as_fd(), 7..8));
        assert!(take(second.as_fd(), 9..10));
        assert_eq!(locked(other.as_fd(), 0..20), [7, 9]);
        assert_eq!(locked(other.as_fd(), 10..20), []);
        drop(first);
        assert!(take(second.as_fd(), 7..8));
    }

    #[test]
    fn two_lock_the_same_byte() {
        let scratch = Scratch::new("both");
        let (first, second, other) = (scratch.open(), scratch.open(), scratch.open());
        assert!(share(first.as_fd(), 7..8) && share(second.as_fd(), 7..8));
        drop(first);
        assert!(is_locked(other.as_fd(), 7..8));
    }
}
