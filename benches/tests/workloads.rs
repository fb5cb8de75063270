//! What makes the workloads comparable: they do what they say, alike for all.

use core::{
    alloc::{GlobalAlloc, Layout},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};
use std::{alloc::System, collections::HashMap, sync::Mutex};

use anymem_benches::workloads::{Batch, Pair, ProducerConsumer, Random, VecGrow, Workload};

/// Passes everything on to glibc and keeps the books.
#[derive(Default)]
struct Bookkeeper {
    live: Mutex<HashMap<usize, Layout>>,
    allocated: AtomicU64,
    moved: AtomicU64,
    /// A hash of all sizes asked for, in order.
    sizes: AtomicU64,
}

impl Bookkeeper {
    fn enter(&self, block: *mut u8, layout: Layout) {
        let before = self.live.lock().unwrap().insert(block as usize, layout);
        assert_eq!(before, None, "a block was handed out twice");
    }

    fn leave(&self, block: *mut u8, layout: Layout) {
        let before = self.live.lock().unwrap().remove(&(block as usize));
        assert_eq!(before, Some(layout), "freed with another layout than allocated");
    }
}

// SAFETY: passes everything on to `System`.
unsafe impl GlobalAlloc for Bookkeeper {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.allocated.fetch_add(1, Relaxed);
        let mix = |hash: u64| Some(hash.wrapping_mul(31).wrapping_add(layout.size() as u64));
        self.sizes.fetch_update(Relaxed, Relaxed, mix).unwrap();
        // SAFETY: as promised by the caller.
        let block = unsafe { System.alloc(layout) };
        self.enter(block, layout);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.leave(block, layout);
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        self.moved.fetch_add(1, Relaxed);
        self.leave(block, layout);
        // SAFETY: as promised by the caller.
        let block = unsafe { System.realloc(block, layout, new_size) };
        self.enter(block, Layout::from_size_align(new_size, layout.align()).unwrap());
        block
    }
}

fn sampled(workload: &Workload, operations: u64) -> (Bookkeeper, u64) {
    let heap = Bookkeeper::default();
    let sample = workload.sample(&heap, operations);
    assert!(sample.operations >= operations, "{workload}");
    assert!(heap.live.lock().unwrap().is_empty(), "{workload} leaves blocks behind");
    (heap, sample.operations)
}

#[test]
fn every_workload_frees_what_it_allocates() {
    let others = [Workload::Batch(Batch::new(64))];
    for workload in Workload::process().iter().chain(&others) {
        sampled(workload, 1000);
    }
}

#[test]
fn operations_are_counted_right() {
    for (workload, overhead) in [
        (Workload::Pair(Pair::new(64)), 1.2),
        (Workload::Batch(Batch::new(64)), 1.2),
        (Workload::ProducerConsumer(ProducerConsumer), 1.3),
    ] {
        let (heap, operations) = sampled(&workload, 100_000);
        let calls = heap.allocated.load(Relaxed) as f64;
        let counted = operations as f64;
        assert!(calls > counted && calls < overhead * counted, "{workload}: {calls} calls");
    }
}

#[test]
fn a_vector_grows_by_realloc() {
    let (heap, operations) = sampled(&Workload::VecGrow(VecGrow), 160);
    let vectors = heap.allocated.load(Relaxed);
    assert_eq!(heap.moved.load(Relaxed), 15 * vectors);
    assert!(operations <= 16 * vectors, "the warm-up is not counted");
}

#[test]
fn a_random_workload_is_the_same_every_time() {
    let sizes = |workload: &Workload| sampled(workload, 5000).0.sizes.load(Relaxed);
    let small = || Workload::Random(Random::new(8..=1024));
    assert_eq!(sizes(&small()), sizes(&small()));
    assert_ne!(sizes(&small()), sizes(&Workload::Random(Random::new(1..=65536))));
}

#[test]
fn the_names_are_those_that_results_are_compared_by() {
    let names: Vec<String> = Workload::process().iter().map(Workload::to_string).collect();
    let expected = [
        "pair/16",
        "pair/64",
        "pair/256",
        "pair/1024",
        "pair/4096",
        "pair/65536",
        "random/8-1024",
        "random/1-65536",
        "threads/producer-consumer",
        "threads/random",
        "vec/grow",
    ];
    assert_eq!(names, expected);
}
