//! The same on two threads at once.

use core::{alloc::GlobalAlloc, ops::RangeInclusive, time::Duration};
use std::{sync::Barrier, thread, time::Instant};

use super::{
    Sample,
    pair::Pair,
    processors::Place,
    random::{LiveSet, Random, WARM_UP},
};

/// Random replacement by two threads that share nothing but the allocator.
#[derive(Debug)]
pub struct RandomThreads(Random);

/// Allocate and free, by two threads that share nothing but the allocator.
#[derive(Debug)]
pub struct PairThreads(Pair);

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
        on_each(|_, barrier| Sample { operations, elapsed: self.run(heap, operations, barrier) })
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

impl PairThreads {
    /// Creates the workload for blocks of `size` bytes, eight or more.
    pub fn new(size: usize) -> Self {
        Self(Pair::new(size))
    }

    /// Returns the size of the blocks.
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// As for [`RandomThreads`].
    pub(super) fn sample<A: GlobalAlloc + Sync>(&self, heap: &A, operations: u64) -> Sample {
        on_each(|_, barrier| {
            barrier.wait();
            self.0.sample(heap, operations)
        })
    }
}

/// What the slower of the threads takes for an operation of `work`, which begins when both
/// are at the barrier that it gets.
pub(crate) fn on_each(work: impl Fn(Place, &Barrier) -> Sample + Sync) -> Sample {
    let barrier = Barrier::new(THREADS.len());
    let samples = thread::scope(|scope| {
        let (barrier, work) = (&barrier, &work);
        let threads = THREADS.map(|place| {
            scope.spawn(move || {
                place.take();
                work(place, barrier)
            })
        });
        threads.map(|thread| thread.join().expect("a thread of the workload panicked"))
    });
    let [first, second] = samples;
    if first.nanoseconds() < second.nanoseconds() { second } else { first }
}
