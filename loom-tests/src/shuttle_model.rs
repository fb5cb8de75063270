//! shuttle: random schedules of many threads and long histories.

use std::sync::atomic::Ordering;

use anymem_core::sync::{AtomicInt, Atomics};
use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, RandomScheduler},
    sync::atomic::{AtomicU32, AtomicUsize},
};

use crate::model::{Cell, Model, Sleepers, Thread};

/// shuttle's atomics.
#[derive(Debug, Clone, Copy)]
pub struct Shuttle;

/// What the schedules are drawn from: the same ones in every run.
const SEED: u64 = 0x616e_796d_656d;

/// Preemptions of a schedule that has few of them.
const DEPTH: usize = 3;

/// Samples `schedules` schedules of `scenario` in each of two ways: evenly, and
/// with few but badly placed preemptions.
pub fn sample(schedules: usize, scenario: impl Fn() + Clone + Send + Sync + 'static) {
    let even = RandomScheduler::new_from_seed(SEED, schedules);
    Runner::new(even, Config::default()).run(scenario.clone());
    let few = PctScheduler::new_from_seed(SEED, DEPTH, schedules);
    Runner::new(few, Config::default()).run(scenario);
}

impl Atomics for Shuttle {
    type Word = ShuttleWord;
    type U32 = ShuttleU32;

    fn spin_hint() {
        shuttle::hint::spin_loop();
    }

    fn fence(_order: Ordering) {
        // All of its accesses are in one order already.
    }
}

impl Model for Shuttle {
    type Cell = ShuttleCell;
    type Bed = ShuttleBed;

    fn word(value: usize) -> ShuttleWord {
        ShuttleWord(AtomicUsize::new(value))
    }

    fn half(value: u32) -> ShuttleU32 {
        ShuttleU32(AtomicU32::new(value))
    }

    fn together<R: Send + 'static>(mut threads: Vec<Thread<R>>) -> Vec<R> {
        let Some(last) = threads.pop() else { return Vec::new() };
        let spawned: Vec<_> = threads.into_iter().map(shuttle::thread::spawn).collect();
        let own = last();
        let others = spawned.into_iter().map(|thread| thread.join().expect("a thread panicked"));
        others.chain([own]).collect()
    }
}

/// A cell that knows how many are at it.
#[derive(Debug, Default)]
pub struct ShuttleCell(AtomicUsize);

impl ShuttleCell {
    /// What its only owner counts for.
    const OWNER: usize = 1 << 16;
}

impl Cell for ShuttleCell {
    fn touch(&self) {
        assert_eq!(self.0.fetch_add(Self::OWNER, Ordering::SeqCst), 0, "two owners at a time");
        assert_eq!(
            self.0.fetch_sub(Self::OWNER, Ordering::SeqCst),
            Self::OWNER,
            "two owners at a time"
        );
    }

    fn look(&self) {
        assert!(self.0.fetch_add(1, Ordering::SeqCst) < Self::OWNER, "two owners at a time");
        assert!(self.0.fetch_sub(1, Ordering::SeqCst) < Self::OWNER, "two owners at a time");
    }
}

/// Where shuttle's threads sleep.
#[derive(Debug, Default)]
pub struct ShuttleBed {
    sleepers: shuttle::sync::Mutex<Sleepers>,
    woken: shuttle::sync::Condvar,
}

crate::model_bed!(ShuttleBed, shuttle::thread::yield_now);

/// A word of shuttle's.
#[derive(Debug)]
pub struct ShuttleWord(AtomicUsize);

/// 32 bits of shuttle's.
#[derive(Debug)]
pub struct ShuttleU32(AtomicU32);

impl ShuttleWord {
    fn access(&self) -> &AtomicUsize {
        &self.0
    }

    fn before_load(&self) {}
}

impl ShuttleU32 {
    fn access(&self) -> &AtomicU32 {
        &self.0
    }

    fn before_load(&self) {}
}

crate::model_atomic!(ShuttleWord, usize);
crate::model_atomic!(ShuttleU32, u32);
