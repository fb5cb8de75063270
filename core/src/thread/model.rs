//! What an allocator needs of a threading system, as a trait.
//!
//! hermes-shm calls this the thread model. Which ones there are is told in
//! [the module above](super#thread-models).

use core::ffi::c_void;
use core::fmt;
use core::task::Waker;
use core::time::Duration;

use super::{Liveness, Owner, Watch};
use crate::sync::atomic::{AtomicUsize, Ordering};

/// Names a thread within its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadId(pub u64);

/// Names one thread-local value; made by [`ThreadModel::create_tls`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TlsKey(pub usize);

/// Why thread-local storage could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsError {
    /// Every key is taken: destroy one that is no longer needed.
    NoKeyLeft,
    /// There is no memory for this thread's value.
    NoMemory,
    /// The key was not made by this model, or was destroyed.
    UnknownKey,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoKeyLeft => "no thread-local key is left: destroy one that is no longer needed",
            Self::NoMemory => "no memory for a thread-local value",
            Self::UnknownKey => "the thread-local key is unknown: create it with this model first",
        })
    }
}

impl core::error::Error for TlsError {}

/// How long waiters sleep where nobody can wake them.
pub(crate) const NAP: Duration = Duration::from_micros(100);

/// A threading system.
pub trait ThreadModel: Liveness + Send + Sync {
    /// The calling thread.
    fn thread_id(&self) -> ThreadId;

    /// Where the caller runs, as a number that others who run at the same time do not
    /// have, as far as that is cheaply known: its processor's, or its thread's.
    ///
    /// A hint, which may be out of date before the caller sees it. Who shares a few
    /// equal things among many begins to look with this one.
    fn whereabouts(&self) -> usize {
        self.thread_id().0 as usize
    }

    /// The calling process, as owner of slots and locks.
    fn owner(&self) -> Owner;

    /// Lets other threads run.
    fn yield_now(&self);

    /// Lets at least `time` pass.
    fn sleep(&self, time: Duration);

    /// The time since some moment that is the same for all processes, if there
    /// is a clock. It need not be exact.
    fn clock(&self) -> Option<Duration> {
        None
    }

    /// Sleeps until somebody [wakes](Self::wake) those who sleep on `word`, for
    /// `most` at most. Returns at once if the lowest 32 bits of `word` are not
    /// those of `expected`, and may return early for no reason.
    ///
    /// Whether nobody woke it, as far as is known. A model that cannot wake
    /// anybody takes short naps instead: whoever waits looks again.
    fn wait(&self, word: &AtomicUsize, expected: usize, most: Duration) -> bool {
        if word.load(Ordering::Relaxed) as u32 == expected as u32 {
            self.sleep(most.min(NAP));
        }
        true
    }

    /// Wakes `most` at most of those who [sleep](Self::wait) on `word`, in
    /// whatever process; how many.
    fn wake(&self, word: &AtomicUsize, most: u32) -> u32 {
        let _ = (word, most);
        0
    }

    /// Calls `waker` when the lowest 32 bits of `word` are no longer those of
    /// `expected`, and after `most` at the latest; early, perhaps, for no reason.
    ///
    /// What the waker wakes looks again then, and watches anew. `word` may go away
    /// meanwhile. A model that cannot wait for anybody else calls the waker at once,
    /// so that its task is busy for as long as it waits.
    fn watch(&self, word: &AtomicUsize, expected: usize, most: Duration, waker: &Waker) -> Watch {
        let _ = (word, expected, most);
        waker.wake_by_ref();
        Watch::over()
    }

    /// Whether the calling thread is being unwound by a panic.
    fn panicking(&self) -> bool {
        false
    }

    /// Makes a thread-local value, null at first in every thread.
    ///
    /// `on_exit` is called with the value, where it isn't null, when a thread
    /// ends. A model that says nothing of thread-local values has none.
    ///
    /// # Errors
    ///
    /// [`TlsError::NoKeyLeft`], [`TlsError::NoMemory`].
    fn create_tls(
        &self,
        on_exit: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> Result<TlsKey, TlsError> {
        let _ = on_exit;
        Err(TlsError::NoKeyLeft)
    }

    /// Gives a key back; values still set in threads are forgotten.
    ///
    /// # Errors
    ///
    /// [`TlsError::UnknownKey`].
    fn destroy_tls(&self, key: TlsKey) -> Result<(), TlsError> {
        let _ = key;
        Err(TlsError::UnknownKey)
    }

    /// The calling thread's value; null if it was never set or the key is
    /// unknown.
    fn get_tls(&self, key: TlsKey) -> *mut c_void {
        let _ = key;
        core::ptr::null_mut()
    }

    /// Sets the calling thread's value.
    ///
    /// # Errors
    ///
    /// [`TlsError::UnknownKey`], [`TlsError::NoMemory`].
    fn set_tls(&self, key: TlsKey, value: *mut c_void) -> Result<(), TlsError> {
        let _ = (key, value);
        Err(TlsError::UnknownKey)
    }
}
