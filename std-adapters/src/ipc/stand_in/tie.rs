//! Locks on bytes of stand-ins that this process holds, and none of its children.
//!
//! Each belongs to a file opened for nothing else, for descriptors that get around show one
//! open file in many processes. A forked child has copies, which it closes: what its parent
//! uses is not the child's.

use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::IpcError;
use crate::sys::byte_lock;
use crate::thread::fork;
use crate::thread::hooks::Hook;

/// The open files with the locks. Places stay, so that a child frees nothing.
static HELD: Mutex<Vec<Option<File>>> = Mutex::new(Vec::new());

/// Counts the forks that this process comes from.
static ERA: AtomicU32 = AtomicU32::new(0);

static LET_GO: Hook = Hook::new(|| {
    ERA.fetch_add(1, Ordering::Relaxed);
    lock().iter_mut().for_each(|held| *held = None);
});

fn lock() -> MutexGuard<'static, Vec<Option<File>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lock, held until this is dropped, or the process ends.
#[derive(Debug)]
pub(super) struct Tie {
    place: usize,
    era: u32,
    process: u32,
}

impl Tie {
    /// Locks the first of `bytes` that nobody has locked, for this process alone; which one
    /// it is, or `None` if there is none.
    pub(super) fn first_of(
        file: BorrowedFd<'_>,
        bytes: Range<i64>,
    ) -> Result<Option<(Self, i64)>, IpcError> {
        fork::call_in_child(&LET_GO);
        let _hold = fork::hold();
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let own = File::options().read(true).write(true).open(&path);
        let own = own.map_err(|error| IpcError::system("open", path, error))?;
        let start = bytes.start;
        let Some(byte) = bytes.into_iter().find(|at| byte_lock::take(own.as_fd(), *at..*at + 1))
        else {
            return Ok(None);
        };
        let mut held = lock();
        let place = held.iter().position(Option::is_none).unwrap_or(held.len());
        if place == held.len() {
            held.push(None);
        }
        held[place] = Some(own);
        let (era, process) = (ERA.load(Ordering::Relaxed), std::process::id());
        let tie = Self { place, era, process };
        Ok(Some((tie, byte - start)))
    }

    /// Whether this process holds it, and is no child of the one that does.
    #[inline]
    pub(super) fn is_own(&self) -> bool {
        self.era == ERA.load(Ordering::Relaxed)
    }
}

impl Drop for Tie {
    fn drop(&mut self) {
        let _hold = fork::hold();
        let mut held = lock();
        if self.is_own()
            && let Some(file) = held.get_mut(self.place).and_then(Option::take)
            // A child that has not run its hooks yet has its parent's lock.
            && self.process == std::process::id()
        {
            byte_lock::release(file.as_fd());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_its_descriptor_does_not_keep_it() {
        let path = std::env::temp_dir().join(format!("anymem-tie-{}", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.expect("a new name");
        std::fs::remove_file(&path).expect("it is there");
        let (tie, byte) = Tie::first_of(file.as_fd(), 5..6).expect("open").expect("free");
        assert_eq!(byte, 0);
        // As a program has that another thread is just starting.
        let copies: Vec<_> =
            lock().iter().flatten().map(|held| held.try_clone().expect("a descriptor")).collect();
        assert!(byte_lock::is_locked(file.as_fd(), 5..6));
        drop(tie);
        assert!(!byte_lock::is_locked(file.as_fd(), 5..6), "{} copies", copies.len());
    }
}
