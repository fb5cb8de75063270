//! loom: every interleaving, and every value that a load may return.

use std::sync::atomic::Ordering;

use anymem_core::sync::{AtomicInt, Atomics};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, AtomicUsize};

use crate::model::{Cell, Model, Sleepers, Thread};

/// loom's atomics.
#[derive(Debug, Clone, Copy)]
pub struct Loom;

/// Explores `scenario` with at most `preemptions` switches away from a thread
/// that could go on; with all there are if `None`.
pub fn explore(preemptions: impl Into<Option<usize>>, scenario: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions.into();
    builder.max_branches = 10_000;
    // Whatever the environment says: these limits end a run early and green.
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.check(scenario);
}

impl Atomics for Loom {
    type Word = LoomWord;
    type U32 = LoomU32;

    fn spin_hint() {
        loom::thread::yield_now();
    }

    fn fence(order: Ordering) {
        loom::sync::atomic::fence(order);
    }
}

impl Model for Loom {
    type Cell = LoomCell;
    type Bed = LoomBed;

    fn word(value: usize) -> LoomWord {
        LoomWord::new(value)
    }

    fn half(value: u32) -> LoomU32 {
        LoomU32::new(value)
    }

    fn together<R: Send + 'static>(mut threads: Vec<Thread<R>>) -> Vec<R> {
        let Some(last) = threads.pop() else { return Vec::new() };
        let spawned: Vec<_> = threads.into_iter().map(loom::thread::spawn).collect();
        let own = last();
        let others = spawned.into_iter().map(|thread| thread.join().expect("a thread panicked"));
        others.chain([own]).collect()
    }
}

/// A cell whose accesses loom orders by the happens-before relation.
#[derive(Debug, Default)]
pub struct LoomCell(UnsafeCell<usize>);

// SAFETY: loom runs one thread at a time, and ends the run at an access that is
// not ordered with all others.
unsafe impl Sync for LoomCell {}

impl Cell for LoomCell {
    fn touch(&self) {
        self.0.with_mut(|data| {
            // SAFETY: loom has just made sure that this is the only access.
            unsafe { *data += 1 };
        });
    }

    fn look(&self) {
        self.0.with(|data| {
            // SAFETY: loom has just made sure that nobody changes it.
            let _ = unsafe { *data };
        });
    }
}

/// Where loom's threads sleep.
#[derive(Debug, Default)]
pub struct LoomBed {
    sleepers: loom::sync::Mutex<Sleepers>,
    woken: loom::sync::Condvar,
}

crate::model_bed!(LoomBed, loom::thread::yield_now);

/// A word of loom's.
///
/// loom 0.7.2 remembers only the last access to an atomic when it looks for
/// accesses to try the other way round. A load that is followed by another
/// thread's load *and* store is then never tried after that store, and half of
/// the executions are missed (`tests/checkers.rs` shows it). So each load takes
/// a turn first: a relaxed update of a second atomic. It orders no memory, but
/// to loom any two turns conflict, so that all orders are tried.
#[derive(Debug)]
pub struct LoomWord {
    turn: AtomicUsize,
    value: AtomicUsize,
}

impl LoomWord {
    fn new(value: usize) -> Self {
        Self { turn: AtomicUsize::new(0), value: AtomicUsize::new(value) }
    }

    fn access(&self) -> &AtomicUsize {
        &self.value
    }

    fn before_load(&self) {
        self.turn.fetch_add(0, Ordering::Relaxed);
    }
}

/// 32 bits of loom's, with a turn as in [`LoomWord`].
#[derive(Debug)]
pub struct LoomU32 {
    turn: AtomicUsize,
    value: AtomicU32,
}

impl LoomU32 {
    fn new(value: u32) -> Self {
        Self { turn: AtomicUsize::new(0), value: AtomicU32::new(value) }
    }

    fn access(&self) -> &AtomicU32 {
        &self.value
    }

    fn before_load(&self) {
        self.turn.fetch_add(0, Ordering::Relaxed);
    }
}

crate::model_atomic!(LoomWord, usize);
crate::model_atomic!(LoomU32, u32);
