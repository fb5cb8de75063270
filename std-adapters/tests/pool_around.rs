//! Pools of one's own around others: each call reaches the one that was registered.

#[path = "pool_common/mod.rs"]
mod common;

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use anymem::pool::{self, DisjointOptions, Pool, PoolError, PoolHandle, PoolStats, Tracked};
use anymem::provider::Provider;
use common::Pages;

/// Counts the calls of a pool.
#[derive(Debug)]
struct Counting<P> {
    inner: P,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    allocated: AtomicUsize,
    freed: AtomicUsize,
}

impl Counts {
    fn get(&self) -> [usize; 2] {
        [&self.allocated, &self.freed].map(|count| count.load(Ordering::Relaxed))
    }
}

impl<P: Pool> Counting<P> {
    fn new(inner: P) -> (Self, Arc<Counts>) {
        let counts = Arc::<Counts>::default();
        (Self { inner, counts: counts.clone() }, counts)
    }
}

// SAFETY: blocks are the inner pool's, whose contract is the same.
unsafe impl<P: Pool> Pool for Counting<P> {
    fn name(&self) -> &str {
        "counting"
    }

    fn provider(&self) -> &dyn Provider {
        self.inner.provider()
    }

    fn memory(&self) -> Option<&Tracked> {
        self.inner.memory()
    }

    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        self.counts.allocated.fetch_add(1, Ordering::Relaxed);
        self.inner.allocate(layout)
    }

    unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        self.counts.freed.fetch_add(1, Ordering::Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { self.inner.free(block) }
    }

    fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError> {
        self.inner.usable_size(block)
    }

    fn stats(&self) -> PoolStats {
        self.inner.stats()
    }
}

fn disjoint() -> impl Pool {
    DisjointOptions::new().build(Tracked::new(Pages::new()).unwrap()).unwrap()
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

#[test]
fn a_pool_is_asked_for_each_block_although_the_one_in_it_has_caches() {
    let (pool, counts) = Counting::new(disjoint());
    let pool = PoolHandle::new(pool);
    for round in 0..10 {
        for (nth, size) in [100, 5000, 5 << 20].into_iter().enumerate() {
            let block = pool.allocate(layout(size)).expect("memory");
            // SAFETY: the block is live and not used afterwards.
            let freed = unsafe {
                if round % 2 == 0 { pool::free(block) } else { Pool::free(&pool, block) }
            };
            freed.expect("live");
            let calls = round * 3 + nth + 1;
            assert_eq!(counts.get(), [calls, calls], "allocated and freed, {size} bytes");
        }
    }
}

#[test]
fn the_pool_around_is_the_one_found_and_when_it_goes_the_one_in_it_is() {
    let inner = PoolHandle::new(disjoint());
    let (pool, counts) = Counting::new(inner.clone());
    let outer = PoolHandle::new(pool);
    let blocks = [0; 2].map(|_| outer.allocate(layout(100)).expect("memory"));
    assert_eq!(pool::id_of(blocks[0]), Some(outer.id()));
    // SAFETY: the block is live and not used afterwards.
    unsafe { pool::free(blocks[0]) }.expect("live");
    assert_eq!(counts.get(), [2, 1]);

    drop(outer);
    let found = pool::of(blocks[1]).map(|pool| pool.id());
    assert_eq!((found, pool::id_of(blocks[1])), (Some(inner.id()), Some(inner.id())));
    // SAFETY: as above.
    unsafe { pool::free(blocks[1]) }.expect("live");
    assert_eq!((counts.get(), inner.stats().blocks), ([2, 1], 0), "the pool around is gone");
}
