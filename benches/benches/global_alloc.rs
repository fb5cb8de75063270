//! Each allocator's fast and slow paths through `GlobalAlloc`, one at a time and
//! with criterion's statistics.
//!
//! For comparing allocators take `compare`, which interleaves them; these are
//! for comparing one allocator before and after a change.

use core::time::Duration;

use anymem_benches::{
    process::contestants,
    workloads::{Batch, Pair, ProducerConsumer, Random, VecGrow, Workload},
};
use criterion::{Criterion, criterion_group, criterion_main};

/// The paths, named after what they exercise.
fn paths() -> [(&'static str, Workload); 7] {
    [
        ("hit-64", Workload::Pair(Pair::new(64))),
        ("hit-1024", Workload::Pair(Pair::new(1024))),
        ("large-65536", Workload::Pair(Pair::new(65536))),
        ("refill-flush-64", Workload::Batch(Batch::new(64))),
        ("random-8-1024", Workload::Random(Random::new(8..=1024))),
        ("remote-free-64", Workload::ProducerConsumer(ProducerConsumer)),
        ("realloc-growth", Workload::VecGrow(VecGrow)),
    ]
}

fn global_alloc(criterion: &mut Criterion) {
    for (path, workload) in paths() {
        let mut group = criterion.benchmark_group(path);
        for contestant in contestants() {
            group.bench_function(contestant.name, |bencher| {
                bencher.iter_custom(|operations| {
                    let sample = contestant.sample(&workload, operations);
                    Duration::from_secs_f64(sample.nanoseconds() * operations as f64 / 1e9)
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500));
    targets = global_alloc
}
criterion_main!(benches);
