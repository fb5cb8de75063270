//! The jobs themselves.

use core::hint::black_box;
use std::time::Instant;

use super::{
    contestant::{FRAMES, Frames, Source},
    job::{Job, Shape, Team},
};
use crate::workloads::{Place, Rng, Sample, on_each};

/// What a thread has of them at most: 16 MiB.
const SHARE: usize = FRAMES / 32;

/// The fewest operations of a sample: everybody has taken his share once.
pub(super) fn least_operations(job: Job) -> u64 {
    match job.shape {
        Shape::Repeat => 4096,
        Shape::Bulk | Shape::Random => share(job) as u64,
    }
}

fn share(job: Job) -> usize {
    SHARE >> job.size.order()
}

/// Takes one sample: nanoseconds per operation of one thread, of which the slower counts.
pub(super) fn sample(frames: &impl Frames, job: Job, operations: u64) -> f64 {
    let sample = match job.team {
        Team::One => {
            Place::First.take();
            run(frames, job, 0, operations, || ())
        }
        Team::Two => on_each(|place, barrier| {
            let wait = || {
                barrier.wait();
            };
            run(frames, job, place as usize, operations, wait)
        }),
    };
    sample.nanoseconds()
}

/// Does `operations` as processor `cpu`, until others can have all frames again, with `wait`
/// before the clock starts and after it has stopped.
fn run(frames: &impl Frames, job: Job, cpu: usize, operations: u64, wait: impl Fn()) -> Sample {
    let order = black_box(job.size.order());
    let mut thread = Thread { source: frames.source(cpu), order, live: Vec::new() };
    let share = share(job);
    thread.live.reserve(share);
    let mut rng = Rng::new(cpu as u64 + 1);
    let mut work = |operations| match job.shape {
        Shape::Repeat => thread.repeat(operations),
        Shape::Bulk => thread.bulk(share, operations),
        Shape::Random => thread.random(share, operations, &mut rng),
    };
    work(operations / 8);
    wait();
    let start = Instant::now();
    let operations = work(operations);
    thread.source.drain();
    let elapsed = start.elapsed();
    wait();
    Sample { operations, elapsed }
}

/// A thread, and the frames that it has.
struct Thread<S> {
    source: S,
    order: u32,
    live: Vec<usize>,
}

impl<S: Source> Thread<S> {
    fn one(&mut self) -> usize {
        self.source.allocate(self.order).expect("a quarter of the memory is in use")
    }

    fn take(&mut self, count: usize) {
        for _ in 0..count {
            let first = self.one();
            self.live.push(first);
        }
    }

    fn free_all(&mut self) {
        self.live.drain(..).for_each(|first| self.source.free(first, self.order));
    }

    #[inline(never)]
    fn repeat(&mut self, operations: u64) -> u64 {
        for _ in 0..operations {
            let first = black_box(self.one());
            self.source.free(first, self.order);
        }
        operations
    }

    #[inline(never)]
    fn bulk(&mut self, share: usize, operations: u64) -> u64 {
        let passes = operations.div_ceil(share as u64);
        for _ in 0..passes {
            self.take(share);
            self.free_all();
        }
        passes * share as u64
    }

    #[inline(never)]
    fn random(&mut self, share: usize, operations: u64, rng: &mut Rng) -> u64 {
        let passes = operations.div_ceil(share as u64);
        for _ in 0..passes {
            self.take(share);
            while !self.live.is_empty() {
                let chosen = self.live.swap_remove(rng.below(self.live.len()));
                self.source.free(chosen, self.order);
            }
        }
        passes * share as u64
    }
}
