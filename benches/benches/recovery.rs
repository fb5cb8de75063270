//! How long recovery takes, by what the dead process had.
//!
//! A child claims a slot, fills so many slabs with blocks of 64 bytes, frees
//! every hundredth, and ends without a word. All blocks stay in use, for nobody
//! knows whether they are linked: recovery takes over the slot and the slabs.
#![allow(missing_docs)]

use std::alloc::Layout;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use anymem::allocator::Allocator;
use anymem::thread::Context;
use anymem::{SharedHeap, Size};
use criterion::{BenchmarkId, Criterion, criterion_group};

const CHILD: &str = "ANYMEM_BENCH_DIES";
const SLAB: usize = 64 << 10;
const BLOCK: Layout = Layout::new::<[u64; 8]>();

/// Fills `slabs` slabs of the heap `name`, and ends.
fn fill_and_die(name: &str, slabs: usize) -> ! {
    let heap = SharedHeap::open(name).expect("there");
    for number in 0..slabs * (SLAB / BLOCK.size()) {
        let at = heap.allocate(Context::DEFAULT, BLOCK).expect("room");
        if number % 100 == 0 {
            // SAFETY: just allocated with that layout.
            unsafe { heap.free(Context::DEFAULT, at, BLOCK) }.expect("live");
        }
    }
    std::process::abort()
}

/// The time it takes to recover one that had `slabs` slabs.
fn recover(slabs: usize) -> Duration {
    let name = format!("anymem.bench.recovery.{}", std::process::id());
    let heap = SharedHeap::create(&name, Size::gib(1)).expect("room in /dev/shm");
    let binary = std::env::current_exe().expect("this program");
    let status = Command::new(binary).env(CHILD, format!("{name} {slabs}")).status();
    assert!(!status.expect("started").success());
    assert_eq!(heap.owners().count(), 1, "the dead one");
    let start = Instant::now();
    let recovered = black_box(heap.recover());
    let time = start.elapsed();
    assert_eq!(recovered, 1);
    SharedHeap::unlink(&name).expect("its name");
    // SAFETY: nothing in it is in use.
    unsafe { heap.detach() }.expect("the only handle");
    time
}

fn recovery(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recovery");
    group.sample_size(10);
    for slabs in [1, 100, 1000] {
        group.bench_function(BenchmarkId::new("slabs", slabs), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| recover(slabs)).sum());
        });
    }
    group.finish();
}

criterion_group!(benches, recovery);

fn main() {
    if let Ok(what) = std::env::var(CHILD) {
        let (name, slabs) = what.split_once(' ').expect("a name and a number");
        fill_and_die(name, slabs.parse().expect("a number"));
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
