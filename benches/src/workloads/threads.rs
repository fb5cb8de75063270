//! Random replacement on two threads at once.

use core::{alloc::GlobalAlloc, ops::RangeInclusive, time::Duration};
use std::{sync::Barrier, thread, time::Instant};

use super::{
    Sample,
    processors::Place,
    random::{LiveSet, Random, WARM_UP},
};

/// Two threads that share nothing but the allocator.
#[derive(Debug)]
pub struct RandomThreads(Random);

/// Threads that run at the same time.
const THREADS: [Place; 2] = [Place::First, Place::Second];

impl RandomThreads {
    /// Creates the workload for block sizes drawn evenly from `sizes`.
    pub fn new(sizes: RangeInclusive<usize>) -> Self {
        Self(Random::new(sizes))
    }

    /// Does `operations` replacements on each thread, and times the last to
    /// finish: nanoseconds per operation of one thread while both run.
    pub(super) fn sample<A: GlobalAlloc + Sync>(&self, heap: &A, operations: u64) -> Sample {
        let barrier = Barrier::new(THREADS.len());
        let elapsed = thread::scope(|scope| {
            let barrier = &barrier;
            let threads = THREADS.map(|place| {
                scope.spawn(move || {
                    place.take();
                    self.run(heap, operations, barrier)
                })
            });
            threads.map(|thread| thread.join().expect("a thread of the workload panicked"))
        });
        Sample { operations, elapsed: elapsed.into_iter().max().unwrap_or_default() }
    }

    fn run<A: GlobalAlloc>(&self, heap: &A, operations: u64, barrier: &Barrier) -> Duration {
        let mut set = LiveSet::fill(&self.0, heap);
        set.replace(WARM_UP);
        barrier.wait();
        let start = Instant::now();
        set.replace(operations);
        let elapsed = start.elapsed();
        // Nobody tears down while the other is still being timed.
        barrier.wait();
        elapsed
    }
}
