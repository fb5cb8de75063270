//! The disjoint pool over each kind of provider, and over a pool's own blocks.

use core::alloc::Layout;
use std::sync::Arc;

use anymem::pool::{self, DisjointOptions, Pool, PoolHandle, Tracked};
use anymem::provider::{
    CoarseProvider, FixedProvider, MallocProvider, OsOptions, OsProvider, Provider, Span,
    Visibility,
};

fn disjoint(provider: Arc<dyn Provider>) -> PoolHandle {
    let memory = Tracked::new(provider).expect("few pools");
    PoolHandle::new(DisjointOptions::new().build(memory).expect("settings that make sense"))
}

/// Allocates blocks of many sizes, checks whose they are, and frees them by address.
fn goes_well(pool: &PoolHandle) {
    let mut live = Vec::new();
    for round in 0..300_usize {
        let size = [0, 1, 100, 3000, 20_000, 100_000][round % 6];
        let layout = Layout::from_size_align(size, 1 << (round % 10)).unwrap();
        let block = pool.allocate_zeroed(layout).expect("memory");
        assert_eq!(pool::id_of(block), Some(pool.id()));
        assert_eq!(block.addr().get() % layout.align(), 0);
        // SAFETY: the block is new and that large.
        unsafe {
            assert!((0..size).step_by(97).all(|at| block.add(at).read() == 0));
            block.write_bytes(0xa5, size);
        }
        live.push(block);
        if round % 3 == 0 {
            // SAFETY: the block is live, and used no more.
            unsafe { pool::free(live.swap_remove(round % live.len())) }.expect("live");
        }
    }
    for block in live {
        // SAFETY: as above.
        unsafe { pool::free(block) }.expect("live");
    }
    assert_eq!((pool.stats().blocks, pool.stats().used), (0, 0));
}

#[test]
fn over_each_kind_of_provider() {
    let os = || OsProvider::new().expect("pages");
    let shared = OsOptions::new().visibility(Visibility::Shared).build().expect("shared pages");
    let providers: [Arc<dyn Provider>; 4] = [
        Arc::new(os()),
        Arc::new(shared),
        Arc::new(CoarseProvider::new(Arc::new(os()))),
        Arc::new(MallocProvider::new()),
    ];
    for provider in providers {
        let pool = disjoint(Arc::clone(&provider));
        goes_well(&pool);
        pool.trim(0);
        assert_eq!(provider.usage().current, 0, "{provider:?}");
    }
}

/// A pool in a block of another one, by way of fixed memory (UMF defect D19).
#[test]
fn in_a_block_of_another_pool() {
    let below = disjoint(Arc::new(OsProvider::new().expect("pages")));
    for len in [1 << 20, 64 << 20] {
        let layout = Layout::from_size_align(len, 4096).unwrap();
        let block = below.allocate(layout).expect("memory");
        // SAFETY: the block stays live until the pool in it is gone.
        let fixed = unsafe { FixedProvider::new(Span::new(block, len)) }.expect("a span of pages");
        let pool = disjoint(Arc::new(fixed));
        let inner = pool.allocate(Layout::new::<u64>()).expect("memory");
        assert_eq!(pool::id_of(inner), Some(pool.id()));
        assert_eq!(
            pool::owner(inner).and_then(|owner| owner.outer()?.pool()).map(|pool| pool.id()),
            Some(below.id())
        );
        // SAFETY: the block is live, and used no more.
        unsafe { pool::free(inner) }.expect("live");
        if len > 32 << 20 {
            goes_well(&pool);
        }
        drop(pool);
        assert_eq!(pool::id_of(inner), Some(below.id()), "it is the block's again");
        // SAFETY: the block is live, and used no more.
        unsafe { pool::free(block) }.expect("live");
    }
    assert_eq!(below.stats().blocks, 0);
}
