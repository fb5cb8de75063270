//! Taking space while signals come all the time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anymem::Size;
use anymem::backend::{Backend, MemfdBackend};
use anymem::offset::Offset;

static CAME: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: i32) {
    CAME.fetch_add(1, Ordering::Relaxed);
}

/// Sends signals to `thread` until `done`.
fn disturb(thread: libc::pthread_t, done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        // SAFETY: the thread waits for this one to end.
        unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
        thread::sleep(Duration::from_micros(50));
    }
}

#[test]
fn space_is_taken_all_the_same() {
    let backend = MemfdBackend::create("signals", Size::mib(256)).expect("made");
    // SAFETY: the handler only counts; the structure outlives the call.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = count as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()), 0);
    }
    let done = AtomicBool::new(false);
    // SAFETY: takes nothing.
    let this = unsafe { libc::pthread_self() };
    thread::scope(|scope| {
        scope.spawn(|| disturb(this, &done));
        // Far more than can be done between two signals, unless the other thread seldom runs.
        let mut rounds = 0;
        while rounds < 3 || rounds < 1000 && CAME.load(Ordering::Relaxed) <= 3 {
            let committed = backend.commit(Offset::NULL, 256 << 20);
            let decommitted = backend.decommit(Offset::NULL, 256 << 20);
            done.store(committed.is_err() || !decommitted, Ordering::Relaxed);
            assert_eq!((committed, decommitted), (Ok(()), true));
            rounds += 1;
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(CAME.load(Ordering::Relaxed) > 3);
}
