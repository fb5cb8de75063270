//! The pieces that the allocators and containers are made of, each by itself,
//! for comparing one before and after a change.

use core::alloc::Layout;
use core::hint::black_box;

use anymem::allocator::{Allocator, LocalHeap, ThreadLocalAllocator};
use anymem::backend::MmapBackend;
use anymem::container::{ShmHashMap, ShmString, ShmVec};
use anymem::offset::AllocatorId;
use anymem::segment::Config;
use anymem::size_class::Classes;
use anymem::thread::{Context, PthreadModel};
use anymem::{HeapOptions, SharedHeap, Size};
use criterion::{Criterion, criterion_group, criterion_main};

type Heap = ThreadLocalAllocator<MmapBackend, PthreadModel>;

fn private_heap() -> Heap {
    let backend = MmapBackend::new(Size::gib(1)).expect("address space");
    Heap::create(backend, PthreadModel, &Config::new(AllocatorId::new(9, 9))).expect("a heap")
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a small size")
}

fn size_class(criterion: &mut Criterion) {
    for size in [24, 1000, 20_000] {
        criterion.bench_function(&format!("size-class/{size}"), |bencher| {
            bencher.iter(|| Classes::<16>::of(layout(black_box(size))));
        });
    }
}

/// Allocates `count` blocks, then frees them.
fn batch<const N: usize>(
    heap: &LocalHeap<'_, MmapBackend, PthreadModel, 16>,
    layout: Layout,
) -> usize {
    let blocks: [_; N] = core::array::from_fn(|_| heap.allocate(layout).ok());
    for block in blocks.into_iter().flatten() {
        // SAFETY: the block was just allocated with that layout.
        let _ = unsafe { heap.free(black_box(block), layout) };
    }
    N
}

fn local_heap(criterion: &mut Criterion) {
    let heap = private_heap();
    let context = heap.create_tls().expect("a slot");
    let local = heap.local(context).expect("the slot is there");
    criterion.bench_function("magazine/pair-64", |bencher| {
        bencher.iter(|| batch::<1>(&local, layout(black_box(64))));
    });
    criterion.bench_function("magazine/refill-and-flush-512x64", |bencher| {
        bencher.iter(|| batch::<512>(&local, layout(black_box(64))));
    });
    for slabs in [1, 16, 256] {
        criterion.bench_function(&format!("span/{slabs}-slabs"), |bencher| {
            bencher.iter(|| batch::<1>(&local, layout(black_box(slabs * 65536 + 1 - 8))));
        });
    }
    // SAFETY: the context and the local heap are not used any more.
    unsafe { heap.free_tls(context) };
}

fn without_slot(criterion: &mut Criterion) {
    let heap = private_heap();
    criterion.bench_function("scalable-page/pair-64", |bencher| {
        bencher.iter(|| {
            let at = heap.allocate(Context::DEFAULT, layout(black_box(64))).expect("room");
            // SAFETY: the block was just allocated with that layout.
            unsafe { heap.free(Context::DEFAULT, black_box(at), layout(64)) }
        });
    });
}

fn shared_heap() -> SharedHeap {
    HeapOptions::new().create_memfd("pieces", Size::gib(1)).expect("a memory file")
}

fn shared(criterion: &mut Criterion) {
    let heap = shared_heap();
    criterion.bench_function("shared-heap/pair-64", |bencher| {
        bencher.iter(|| {
            let at = heap.allocate(Context::DEFAULT, layout(black_box(64))).expect("room");
            // SAFETY: the block was just allocated with that layout.
            unsafe { heap.free(Context::DEFAULT, black_box(at), layout(64)) }
        });
    });
}

fn containers(criterion: &mut Criterion) {
    let heap = shared_heap();
    let map = ShmHashMap::<ShmString, u64>::new_in(&heap).expect("room");
    let words: Vec<String> = (0..1000).map(|number| format!("word{number}")).collect();
    let mut next = words.iter().cycle();
    criterion.bench_function("map/upsert-1000", |bencher| {
        bencher.iter(|| {
            let word = next.next().map(String::as_str).unwrap_or_default();
            map.upsert(word, |heap| ShmString::from_str_in(word, heap), 0, |count| *count += 1)
        });
    });
    criterion.bench_function("vec/push", |bencher| {
        let mut numbers = ShmVec::<u64>::new_in(&heap);
        bencher.iter(|| {
            if numbers.len() == 1 << 20 {
                let _ = numbers.clear();
            }
            numbers.push(black_box(7))
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(core::time::Duration::from_millis(300))
        .measurement_time(core::time::Duration::from_millis(1000));
    targets = size_class, local_heap, without_slot, shared, containers
}
criterion_main!(benches);
