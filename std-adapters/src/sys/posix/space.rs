//! Space behind the bytes of a file: taking it before it is written, giving it
//! back.

use core::mem::MaybeUninit;
use core::ptr;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::sys::errno;

/// Makes sure that `len` bytes at `at` of a file can be written without fault,
/// as long as the file is that long: its length stays as it is.
///
/// Returns the system's error number where they can't; what was there stays.
pub(crate) fn take(file: BorrowedFd<'_>, at: usize, len: usize) -> Result<(), i32> {
    persistently(|| fallocate(file, libc::FALLOC_FL_KEEP_SIZE, at, len))
}

/// Whether a file has its space in memory, of which nothing more is needed when it
/// is written to.
///
/// A file system on a disk may need some to write down which blocks hold data now,
/// and fail then.
pub(crate) fn is_in_memory(file: BorrowedFd<'_>) -> bool {
    file_system(file)
        .is_some_and(|it| matches!(it.f_type, libc::TMPFS_MAGIC | libc::HUGETLBFS_MAGIC))
}

/// The page size of a file of huge pages; `None` for any other.
pub(crate) fn huge_page_of(file: BorrowedFd<'_>) -> Option<usize> {
    let found = file_system(file).filter(|it| it.f_type == libc::HUGETLBFS_MAGIC)?;
    usize::try_from(found.f_bsize).ok().filter(|size| size.is_power_of_two())
}

fn file_system(file: BorrowedFd<'_>) -> Option<libc::statfs> {
    let mut found = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: the file is open for as long as it is borrowed, and the structure is
    // writable.
    let told = unsafe { libc::fstatfs(file.as_raw_fd(), found.as_mut_ptr()) == 0 };
    // SAFETY: the structure is read only if the call succeeded and so filled it.
    told.then(|| unsafe { found.assume_init() })
}

/// How long files of this process may be; exceeding it is a signal.
pub(crate) fn length_limit() -> usize {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the structure is writable.
    let _ = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    match limit.rlim_cur {
        libc::RLIM_INFINITY => usize::MAX,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    }
}

/// Gives the space behind `len` bytes at `at` back; they read as zero then.
pub(crate) fn give_back(file: BorrowedFd<'_>, at: usize, len: usize) -> bool {
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    persistently(|| fallocate(file, mode, at, len)).is_ok()
}

/// Repeats a call that a signal cut off.
///
/// The kernel undoes what it had done so far, so a program that gets signals
/// all the time would never be done: they are held up from the second try on.
fn persistently(mut call: impl FnMut() -> Result<(), i32>) -> Result<(), i32> {
    match call() {
        Err(libc::EINTR) => undisturbed(|| {
            loop {
                match call() {
                    Err(libc::EINTR) => {}
                    result => return result,
                }
            }
        }),
        result => result,
    }
}

fn fallocate(file: BorrowedFd<'_>, mode: i32, at: usize, len: usize) -> Result<(), i32> {
    let number = |value| libc::off_t::try_from(value).map_err(|_| libc::EFBIG);
    let (at, len) = (number(at)?, number(len)?);
    // SAFETY: the file is open for as long as it is borrowed; the call touches
    // no memory of this process.
    let result = unsafe { libc::fallocate(file.as_raw_fd(), mode, at, len) };
    if result == 0 { Ok(()) } else { Err(errno()) }
}

/// Runs `work` with this thread's signals held up.
pub(crate) fn undisturbed<R>(work: impl FnOnce() -> R) -> R {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets are writable, and `all` is filled before it is read.
    let blocked = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    let result = work();
    if blocked {
        // SAFETY: the call above succeeded, so it filled `before`.
        let _ =
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether this thread holds SIGTERM up.
    fn is_held_up() -> bool {
        let mut blocked = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: the set is writable, zeroed, and filled by the first call.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), blocked.as_mut_ptr());
            libc::sigismember(blocked.as_ptr(), libc::SIGTERM) == 1
        }
    }

    // Newer kernels no longer cut these calls off, so the kernel can't be asked.
    #[test]
    fn a_call_that_was_cut_off_is_repeated_undisturbed() {
        let mut tries = Vec::new();
        let result = persistently(|| {
            tries.push(is_held_up());
            if tries.len() < 4 { Err(libc::EINTR) } else { Err(libc::ENOSPC) }
        });
        assert_eq!(result, Err(libc::ENOSPC));
        assert_eq!(tries, [false, true, true, true]);
        assert!(!is_held_up());
    }
}
