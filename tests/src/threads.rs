//! Threads that are really over.

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
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

/// Ends the process, past the test harness, which would keep the words back.
pub(crate) fn give_up(number: usize, panic: &(dyn Any + Send)) -> ! {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
    let _ = writeln!(std::io::stderr(), "FAILED: thread {number}: {text}");
    std::process::exit(101)
}
