//! A thread that works for the profile.
//!
//! What it allocates meanwhile is the profile's own and not sampled. No signal
//! handler runs: it could allocate, or fork, and wait for what it interrupted.

use core::cell::Cell;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;

thread_local! {
    static ENTERED: Cell<bool> = const { Cell::new(false) };
}

/// The calling thread works for the profile as long as this lives.
pub(super) struct Apart {
    /// What was blocked before.
    signals: libc::sigset_t,
    /// It is the thread's own.
    thread: PhantomData<*const ()>,
}

impl Apart {
    /// `None` if the thread does so already.
    pub(super) fn enter() -> Option<Self> {
        if ENTERED.replace(true) {
            return None;
        }
        let mut all = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: both places can be written. The calls fail for arguments that
        // these are not, and fill both.
        let signals = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            before.assume_init()
        };
        Some(Self { signals, thread: PhantomData })
    }

    pub(super) fn is_entered() -> bool {
        ENTERED.get()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        ENTERED.set(false);
        // SAFETY: the set was filled by the same call; nothing is asked back.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.signals, ptr::null_mut());
        }
    }
}
