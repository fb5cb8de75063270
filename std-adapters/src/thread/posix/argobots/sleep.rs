//! How a user-level thread sleeps, while others run on its execution stream.
//!
//! It sleeps on an eventual, and the process's watcher of words sets that when the word
//! changes, in whatever process.

use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Waker;
use core::time::Duration;
use std::sync::Arc;
use std::task::Wake;
use std::time::Instant;

use anymem_core::thread::ThreadModel;

use super::super::PthreadModel;
use super::library::{Abt, Handle, SUCCESS};

/// How often a user-level thread lets others run before it sleeps: mostly the one that it
/// waits for is among these.
const YIELDS: u32 = 4;

/// Sleeps until `word` is woken or is another than `expected`, for `most` at most; whether
/// nobody woke it. The caller is a user-level thread.
pub(super) fn wait(abt: &'static Abt, word: &AtomicUsize, expected: usize, most: Duration) -> bool {
    let begun = Instant::now();
    for _ in 0..YIELDS {
        if word.load(Ordering::Relaxed) as u32 != expected as u32 {
            return false;
        }
        abt.yield_now();
    }
    if let Some(sleeper) = Sleeper::new(abt) {
        let waker = Waker::from(Arc::clone(&sleeper));
        let watch = PthreadModel.watch(word, expected, most, &waker);
        sleeper.sleep();
        watch.answer();
    }
    begun.elapsed() >= most
}

/// Sleeps for `time` at least. The caller is a user-level thread.
pub(super) fn sleep(abt: &'static Abt, time: Duration) {
    let (begun, word) = (Instant::now(), AtomicUsize::new(0));
    while let Some(left) = time.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        wait(abt, &word, 0, left);
    }
}

/// A user-level thread that sleeps, or what wakes it.
struct Sleeper {
    abt: &'static Abt,
    eventual: Handle,
}

// SAFETY: eventuals are for any thread, and the last of those who have this one frees it.
unsafe impl Send for Sleeper {}
// SAFETY: as for `Send`.
unsafe impl Sync for Sleeper {}

impl Sleeper {
    /// `None` if there is no memory for it.
    fn new(abt: &'static Abt) -> Option<Arc<Self>> {
        let mut eventual = ptr::null_mut();
        // SAFETY: the handle is writable.
        let code = unsafe { (abt.eventual_create)(0, &raw mut eventual) };
        (code == SUCCESS).then(|| Arc::new(Self { abt, eventual }))
    }

    fn sleep(&self) {
        // SAFETY: the eventual lives, and no value of it is asked for. The caller may go on
        // on another of the system's threads.
        unsafe { (self.abt.eventual_wait)(self.eventual, ptr::null_mut()) };
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // SAFETY: the eventual lives, and has no value. Setting it once more does nothing.
        unsafe { (self.abt.eventual_set)(self.eventual, ptr::null_mut(), 0) };
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // SAFETY: nobody else has the eventual any more.
        unsafe { (self.abt.eventual_free)(&raw mut self.eventual) };
    }
}
