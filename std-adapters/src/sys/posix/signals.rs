//! Signals of the calling thread.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;

/// The calling thread gets no signals for as long as this lives.
pub(crate) struct Held {
    /// What was blocked before.
    before: libc::sigset_t,
    /// It is the thread's own.
    thread: PhantomData<*const ()>,
}

/// Has the calling thread's signals wait.
pub(crate) fn hold() -> Held {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: both places can be written. The calls fail for arguments that
    // these are not, and fill both.
    let before = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        before.assume_init()
    };
    Held { before, thread: PhantomData }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the set was filled by the same call; nothing is asked back.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut());
        }
    }
}
