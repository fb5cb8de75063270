//! Threads that `std` knows nothing of.

use std::ffi::c_void;
use std::panic::catch_unwind;
use std::ptr;

use crate::threads::give_up;

/// As [`in_threads`](crate::in_threads), with threads of the C library: those of `std` stand in a
/// table in the heap, which in a forked child may be its parent's.
pub fn in_posix_threads(count: usize, work: fn(usize)) {
    extern "C" fn run(start: *mut c_void) -> *mut c_void {
        // SAFETY: `start` points to what the caller below keeps until the thread
        // is over.
        let &(number, work) = unsafe { &*start.cast::<(usize, fn(usize))>() };
        if let Err(panic) = catch_unwind(|| work(number)) {
            give_up(number, &*panic);
        }
        ptr::null_mut()
    }
    let mut starts: Vec<_> = (0..count).map(|number| (number, work)).collect();
    let threads: Vec<_> = starts
        .iter_mut()
        .map(|start| {
            let mut thread = 0;
            // SAFETY: `start` stays where it is until the thread was joined.
            let error = unsafe {
                let start = ptr::from_mut(start).cast();
                libc::pthread_create(&raw mut thread, ptr::null(), run, start)
            };
            assert_eq!(error, 0, "a thread");
            thread
        })
        .collect();
    for thread in threads {
        // SAFETY: it was created above, and is joined once.
        assert_eq!(unsafe { libc::pthread_join(thread, ptr::null_mut()) }, 0);
    }
}
