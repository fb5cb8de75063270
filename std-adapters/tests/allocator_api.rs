//! Collections of other crates in this crate's heaps and pools.
#![cfg_attr(feature = "nightly", feature(allocator_api))]

#[path = "../../core/tests/allocator_api_common/mod.rs"]
mod allocator_api_common;

use std::ptr::NonNull;
use std::sync::Arc;
use std::thread;

use allocator_api_common::{calls, run};
#[cfg(not(feature = "nightly"))]
use allocator_api2::vec::Vec as VecIn;
use anymem::allocator::{Allocator, MallocAllocator};
use anymem::backend::MmapBackend;
use anymem::manager::{BackendId, LinkedList, MemoryManager, ScalablePage};
use anymem::memory::PoolMemory;
use anymem::offset::AllocatorId;
use anymem::pool::{
    DisjointOptions, LinkedListPool, Pool, PoolHandle, ProxyOptions, ThreadLocalPool, Tracked,
};
use anymem::provider::OsProvider;
use anymem::{HeapOptions, SharedHeap, ShmAlloc, Size};
use hashbrown::HashMap;
use proptest::prelude::*;
#[cfg(feature = "nightly")]
use std::vec::Vec as VecIn;

static PROGRAM: ShmAlloc = ShmAlloc::new().with_size(64 << 20);

fn shared() -> SharedHeap {
    HeapOptions::new().create_memfd("collections", Size::mib(16)).expect("a heap")
}

fn pages() -> Tracked {
    Tracked::new(Arc::new(OsProvider::new().expect("pages"))).expect("tracked")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn blocks_of_any_heap_are_what_collections_expect(calls in calls()) {
        let heap = shared();
        run(&heap, &calls);
        run(heap.clone(), &calls);
        prop_assert_eq!(heap.allocator().stats().live_blocks, 0);
        heap.check().expect("a sound heap");

        run(&PROGRAM, &calls);
        run(MallocAllocator::new(AllocatorId::new(9, 9)), &calls);
    }

    #[test]
    fn blocks_of_any_pool_are_what_collections_expect(calls in calls()) {
        let pool = ThreadLocalPool::new(pages(), Size::mib(16)).expect("a pool");
        run(&pool, &calls);
        prop_assert_eq!(pool.stats().blocks, 0);

        let pool = PoolHandle::new(DisjointOptions::new().build(pages()).expect("a pool"));
        run(PoolMemory::new(pool.clone()).expect("touchable"), &calls);
        prop_assert_eq!(pool.stats().blocks, 0);

        run(PoolMemory::new(LinkedListPool::new(pages()).expect("a pool")).expect("touchable"), &calls);
        run(PoolMemory::new(ProxyOptions::new().build(pages())).expect("touchable"), &calls);
    }

    #[test]
    fn blocks_of_the_managers_allocators_are_what_collections_expect(calls in calls()) {
        let (manager, id) = (MemoryManager::new(), AllocatorId::new(9, 10));
        manager.create_backend::<MmapBackend>(BackendId(0), Size::mib(4), "pages").expect("pages");
        manager.create_allocator::<ScalablePage>(BackendId(0), id, 0).expect("an allocator");
        run(&*manager.allocator(id).expect("just made"), &calls);
        // SAFETY: all that was in it is gone.
        unsafe { manager.unregister_allocator(id) }.expect("not in use");
        manager.create_allocator::<LinkedList>(BackendId(0), id, 0).expect("an allocator");
        run(&*manager.allocator(id).expect("just made"), &calls);
        // SAFETY: as above.
        unsafe { manager.unregister_allocator(id) }.expect("not in use");
    }
}

#[test]
fn threads_hand_maps_in_a_shared_heap_on() {
    let heap = shared();
    let count = |from: u64| {
        let heap = heap.clone();
        move || {
            let mut map = HashMap::new_in(heap.clone());
            for n in from..from + 2000 {
                map.entry(n % 50).or_insert_with(|| VecIn::new_in(heap.clone())).push(n);
            }
            map
        }
    };
    let threads: Vec<_> = (0..4).map(|from| thread::spawn(count(from * 10_000))).collect();
    let maps: Vec<_> = threads.into_iter().map(|it| it.join().expect("a map")).collect();
    for (from, map) in (0..).zip(&maps) {
        let numbers: u64 = map.values().flat_map(|numbers| numbers.iter()).sum();
        assert_eq!(numbers, (0..2000).map(|n| from * 10_000 + n).sum());
        let one = NonNull::from(map[&7].as_slice());
        assert!(heap.offset_of(one.cast()).is_some(), "it is in the shared heap");
    }
    // Others than those that filled them free them.
    let halves = thread::spawn(move || drop(maps)).join();
    assert!(halves.is_ok());
    assert_eq!(heap.allocator().stats().live_blocks, 0);
    heap.check().expect("a sound heap");
}
