//! Memories of the processor: what is in them is as in a vector, they count and limit, and one
//! source works on any of them.

#[path = "pool_common/mod.rs"]
mod common;

use std::alloc::Layout;
use std::sync::Arc;

use anymem::allocator::MallocAllocator;
use anymem::memory::{
    Counted, HeapMemory, HostAddressable, HostMemory, MemBox, MemRead, MemSlice, MemWrite, Memory,
    MemoryError, PoolMemory, Route, SimMemory, Standard,
};
use anymem::offset::AllocatorId;
use anymem::pool::{DisjointOptions, PoolHandle, ProxyOptions, Tracked};
use anymem::provider::{OsProvider, Provider};
use common::Pages;
use proptest::prelude::*;

/// The program on the processor's memory.
mod on_host {
    pub(crate) type Target = anymem::memory::Standard;
    include!("memory_program/program.rs");
}

/// The same source on a device's.
mod on_device {
    pub(crate) type Target = anymem::memory::SimMemory<anymem::memory::HostMemory>;
    include!("memory_program/program.rs");
}

#[test]
fn the_same_source_works_on_either_memory() {
    let device = SimMemory::new(HostMemory, 1 << 16, 0).unwrap();
    let here = on_host::run(&Standard::default(), 100).unwrap();
    let there = on_device::run(&device, 100).unwrap();
    assert_eq!((here.to, here.from), (Route::Host, Route::Host));
    assert_eq!((there.to, there.from), (Route::To, Route::From));
    assert_eq!((here.sum, there.sum), (2 * 4950, 2 * 4950));
    assert_eq!(device.counts().live, 0);
}

/// Writes and reads parts of objects that come and go, as a vector of vectors does.
fn is_as_vectors<M: HostAddressable + Clone>(memory: &M, writes: &[(usize, usize, u32)]) {
    let mut objects: Vec<(MemSlice<u32, M>, Vec<u32>)> = Vec::new();
    for &(which, len, value) in writes {
        if which % 3 == 0 || objects.is_empty() {
            let object = MemSlice::<u32, _>::zeroed(len, memory.clone()).unwrap();
            assert!(object.as_slice().as_ptr().is_aligned());
            objects.push((object, vec![0; len]));
        } else if which % 7 == 0 {
            objects.swap_remove(which % objects.len());
            continue;
        }
        let count = objects.len();
        let (object, model) = &mut objects[which % count];
        let range = len.min(model.len()) / 2..len.min(model.len());
        object.part_mut(range.clone()).unwrap().fill(value).unwrap();
        model[range].fill(value);
        if let Some(element) = object.as_mut_slice().first_mut() {
            *element = !value;
            model[0] = !value;
        }
    }
    assert!(objects.iter().all(|(object, model)| object.as_slice() == model));
}

fn pool(pages: Arc<dyn Provider>) -> PoolHandle {
    PoolHandle::new(DisjointOptions::new().build(Tracked::new(pages).unwrap()).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn memories_of_the_processor_are_as_vectors(
        writes in prop::collection::vec((any::<usize>(), 0_usize..3000, any::<u32>()), 1..60),
    ) {
        is_as_vectors(&HostMemory, &writes);
        let pages = Arc::new(OsProvider::new().unwrap());
        is_as_vectors(&PoolMemory::new(pool(pages.clone())).unwrap(), &writes);
        let straight = ProxyOptions::new().build(Tracked::new(pages.clone()).unwrap());
        is_as_vectors(&Arc::new(PoolMemory::new(straight).unwrap()), &writes);
        assert_eq!(pages.usage().current, 0);
        let malloc = MallocAllocator::new(AllocatorId::new(0, 5));
        is_as_vectors(&HeapMemory::from_ref(&malloc), &writes);
        let counted = Counted::new(HostMemory);
        is_as_vectors(&&counted, &writes);
        prop_assert_eq!((counted.counts().live, counted.counts().bytes), (0, 0));
    }

    /// No more is ever allocated than the limit says, by however many threads.
    #[test]
    fn a_limit_is_kept(limit in 0_usize..2000, sizes in prop::collection::vec(0_usize..600, 1..40)) {
        let memory = Counted::limited(HostMemory, limit);
        std::thread::scope(|scope| {
            for part in sizes.chunks(sizes.len().div_ceil(2)) {
                let memory = &memory;
                scope.spawn(move || {
                    let mut kept = Vec::new();
                    for &size in part {
                        match MemSlice::<u8, _>::zeroed(size, memory) {
                            Ok(object) => kept.push(object),
                            Err(error) => {
                                assert_eq!(error, MemoryError::OutOfMemory { requested: size });
                                kept.pop();
                            }
                        }
                    }
                });
            }
        });
        let counts = memory.counts();
        prop_assert!(counts.peak <= limit);
        prop_assert_eq!((counts.live, counts.bytes), (0, 0));
        prop_assert_eq!(memory.available(), Some(limit));
    }
}

#[test]
fn a_pool_of_memory_that_cannot_be_touched_is_no_memory_of_the_processor() {
    let device: Arc<dyn Provider> = Pages::untouchable();
    assert_eq!(PoolMemory::new(pool(device)).map(|_| ()), Err(MemoryError::Unsupported));
}

#[test]
fn a_pool_without_memory_is_out_of_memory() {
    let pages = Pages::new();
    pages.empty.store(true, std::sync::atomic::Ordering::Relaxed);
    let memory = PoolMemory::new(pool(pages)).unwrap();
    let result = memory.allocate(Layout::new::<u64>());
    assert_eq!(result, Err(MemoryError::OutOfMemory { requested: 8 }));
}

#[test]
fn copies_and_devices_are_counted() {
    let device = Counted::new(SimMemory::new(HostMemory, 4096, 0).unwrap());
    let mut object = MemSlice::from_slice(&[1_u8; 100], &device).unwrap();
    object.update(0, |byte| byte + 1).unwrap();
    let counts = device.counts();
    assert_eq!((counts.bytes_to, counts.bytes_from), (101, 1));
    assert_eq!((counts.allocations, counts.peak), (1, 100));

    device.memory().fail_at(1);
    assert!(MemBox::new(1_u8, &device).is_err());
    assert_eq!((device.counts().live, device.counts().bytes), (1, 100));
}

/// An object keeps a memory that is shared, and goes before it.
#[test]
fn a_shared_memory_ends_with_its_last_object() {
    let pages = Arc::new(OsProvider::new().unwrap());
    let shared = Arc::new(PoolMemory::new(pool(pages.clone())).unwrap());
    let object = MemBox::new(7_u64, shared.clone()).unwrap();
    drop(shared);
    assert_eq!(*object, 7);
    drop(object);
    assert_eq!(pages.usage().current, 0);
}
