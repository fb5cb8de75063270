//! Threads that are really over.

use std::thread::{Builder, scope};

/// Runs `work` in so many threads, which know their numbers, and waits until
/// they are over.
///
/// The end of a scope alone does not wait for the destructors of thread-local
/// values, by which a thread gives its heap slot back; joining does.
pub fn in_threads(count: usize, work: impl Fn(usize) + Sync) {
    scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..count)
            .map(|number| {
                let small = Builder::new().stack_size(256 << 10);
                small.spawn_scoped(scope, move || work(number)).expect("a thread")
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    });
}
