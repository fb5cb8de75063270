//! Threads that are really over.

use std::any::Any;
use std::ffi::c_void;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::thread::{Builder, scope};

/// Runs `work` in so many threads, which know their numbers, and waits until
/// they are over; what they said.
///
/// The end of a scope alone does not wait for the destructors of thread-local
/// values, by which a thread gives its heap slot back; joining does. A thread
/// that panics ends the process, for the others may wait for it.
pub fn in_threads<R: Send>(count: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    scope(|scope| {
        let work = &work;
        let run = move |number| {
            let result = catch_unwind(AssertUnwindSafe(|| work(number)));
            result.unwrap_or_else(|panic| give_up(number, &*panic))
        };
        let threads: Vec<_> = (0..count)
            .map(|number| {
                let small = Builder::new().stack_size(256 << 10);
                small.spawn_scoped(scope, move || run(number)).expect("a thread")
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// As [`in_threads`], with threads of the C library: those of `std` stand in a
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

/// Ends the process, past the test harness, which would keep the words back.
fn give_up(number: usize, panic: &(dyn Any + Send)) -> ! {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
    let _ = writeln!(std::io::stderr(), "FAILED: thread {number}: {text}");
    std::process::exit(101)
}
