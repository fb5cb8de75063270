//! A lock on a heap's file by which any process sees that this one lives, also
//! one that does not know it by its process id: from another PID namespace.
//!
//! The byte follows from the [`Owner`] alone, far behind anything in the file:
//!
//! | bits | of the byte's offset |
//! |---|---|
//! | 0–39 | [`start`](Owner::start), its lowest bits |
//! | 40–61 | process id |
//!
//! so all bytes of one process id are neighbours, and can be asked for together
//! where the start is not known.
//!
//! The lock belongs to a file opened for nothing else: descriptors of the heap's
//! own file get around, and a lock lasts as long as one is open anywhere. Only a
//! fork makes another of the lock's; the child replaces it by its own.

use core::ops::Range;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anymem_core::allocator::registry;
use anymem_core::thread::{Owner, ThreadModel};

use super::{PthreadModel, fork};
use crate::sys::proc::ProcPath;
use crate::sys::{byte_lock, errno};
use crate::thread::hooks::Hook;

const START_BITS: u32 = 40;

/// The lock, held until this is dropped or the process ends, or becomes another
/// program.
#[derive(Debug)]
pub(crate) struct Lifeline {
    place: usize,
}

impl Lifeline {
    /// Ties this process's life to `file`; `None` where it cannot be locked.
    ///
    /// To be done before the process owns anything in the file. Returns the
    /// system's error number where it is short of descriptors or memory.
    pub(crate) fn tie(file: BorrowedFd<'_>) -> Result<Option<Self>, i32> {
        // First, so that a child forgets its parent's name before it renews.
        let owner = PthreadModel.owner();
        fork::call_in_child(&RENEW);
        let _hold = fork::hold();
        let Some(locked) = lock_as(file, owner)? else { return Ok(None) };
        let mut held = lock();
        let Some(place) = held.iter().position(Option::is_none) else { return Ok(None) };
        held[place] = Some(locked);
        Ok(Some(Self { place }))
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        let _hold = fork::hold();
        lock()[self.place] = None;
    }
}

/// Whether a process that is known as `owner` is tied to `file`.
///
/// Not to be asked about this process, which may or may not see its own lock.
pub(crate) fn is_tied(file: BorrowedFd<'_>, owner: Owner) -> bool {
    byte_lock::is_locked(file, bytes_of(owner))
}

/// What a process known as `owner` locks; all that it could, if its start is
/// not known.
fn bytes_of(owner: Owner) -> Range<i64> {
    // As words store it, for that is what others know.
    let Owner { pid, start } = Owner::from_word(owner.to_word());
    let first = i64::from(pid) << START_BITS;
    match start & ((1 << START_BITS) - 1) {
        0 => first..first + (1 << START_BITS),
        start => first + start as i64..first + start as i64 + 1,
    }
}

static RENEW: Hook = Hook::new(renew);

/// As many as a process can have heaps.
const PLACES: usize = registry::CAPACITY;

/// The open files that have this process's locks. Not on the program's heap,
/// which a forked child may share with its parent.
static HELD: Mutex<[Option<File>; PLACES]> = Mutex::new([const { None }; PLACES]);

fn lock() -> MutexGuard<'static, [Option<File>; PLACES]> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets go of the parent's locks and takes the child's own, in a forked child.
///
/// Called while forks are being held up, so nobody else has the table.
fn renew() {
    let owner = PthreadModel.owner();
    for held in lock().iter_mut() {
        // Where the child gets none, its parent's life must not look longer
        // than it is.
        *held = held.take().and_then(|file| lock_as(file.as_fd(), owner).ok().flatten());
    }
}

/// Opens `file` once more and locks it for `owner`. Allocates nothing.
fn lock_as(file: BorrowedFd<'_>, owner: Owner) -> Result<Option<File>, i32> {
    let path = ProcPath::new(format_args!("/proc/self/fd/{}", file.as_raw_fd()));
    let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NOCTTY;
    // SAFETY: the path ends in a zero byte.
    let opened = unsafe { libc::open(path.as_ptr(), flags) };
    if opened < 0 {
        return match errno() {
            code @ (libc::EMFILE | libc::ENFILE | libc::ENOMEM) => Err(code),
            _ => Ok(None),
        };
    }
    // SAFETY: the descriptor was just made, and nobody else has it.
    let own = unsafe { File::from_raw_fd(opened) };
    Ok(byte_lock::share(own.as_fd(), bytes_of(owner)).then_some(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_owner_has_a_byte_of_its_own() {
        let owner = Owner { pid: 7, start: 1234 };
        assert_eq!(bytes_of(owner), (7 << 40) + 1234..(7 << 40) + 1235);
        assert_eq!(bytes_of(Owner::from_word(owner.to_word())), bytes_of(owner));
    }

    #[test]
    fn an_unknown_start_may_be_any() {
        let any = bytes_of(Owner { pid: 7, start: 0 });
        assert_eq!(any, 7 << 40..8 << 40);
        assert!(any.contains(&bytes_of(Owner { pid: 7, start: u64::MAX }).start));
        let last = bytes_of(Owner { pid: (1 << 22) - 1, start: 0 });
        assert!(last.end > last.start);
    }
}
