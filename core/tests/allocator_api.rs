//! Collections of other crates in heaps: what they may do to blocks, in any order, and what
//! they hold.
#![cfg_attr(feature = "nightly", feature(allocator_api))]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod allocator_api_common;

use std::collections::BTreeMap as Model;
use std::ptr::NonNull;

use allocator_api_common::{calls, run};
#[cfg(not(feature = "nightly"))]
use allocator_api2::{boxed::Box, vec::Vec as VecIn};
use anymem_core::allocator::{
    Allocator as Heap, LentSlots, LinkedListAllocator, ScalablePageAllocator, ThreadLocalAllocator,
};
use anymem_core::allocator_api::Allocator;
use anymem_core::backend::ArrayBackend;
use anymem_core::global::{ArenaAlloc, KernelAlloc, RegionAlloc};
use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;
use anymem_core::thread::Bare;
use hashbrown::HashMap;
use proptest::prelude::*;
#[cfg(feature = "nightly")]
use std::{boxed::Box, vec::Vec as VecIn};

const ID: AllocatorId = AllocatorId::new(0, 91);

type Backend<'a> = ArrayBackend<'a, 4096>;
type ThreadLocal<'a> = ThreadLocalAllocator<Backend<'a>, Bare, 12>;
type ScalablePage<'a> = ScalablePageAllocator<Backend<'a>, Bare, 12>;

fn bytes() -> Vec<u8> {
    vec![0; 4 << 20]
}

fn thread_local(bytes: &mut [u8]) -> ThreadLocal<'_> {
    ThreadLocal::create(ArrayBackend::new(bytes), Bare, &Config::new(ID)).unwrap()
}

/// The same through a slot of its own.
fn local<'a>(heap: &'a ThreadLocal<'_>) -> impl Allocator + Copy + 'a {
    heap.local(heap.create_tls().unwrap()).unwrap()
}

fn scalable_page(bytes: &mut [u8]) -> ScalablePage<'_> {
    ScalablePage::create(ArrayBackend::new(bytes), Bare, &Config::new(ID)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn blocks_of_any_heap_are_what_collections_expect(calls in calls()) {
        let mut bytes = bytes();
        let heap = thread_local(&mut bytes);
        run(&heap, &calls);
        run(local(&heap), &calls);
        run(&heap as &dyn Heap, &calls);
        prop_assert_eq!((heap.stats().live_blocks, heap.stats().double_frees), (0, 0));
        heap.check().unwrap();

        let heap = scalable_page(&mut bytes);
        run(&heap, &calls);
        prop_assert_eq!((heap.stats().live_blocks, heap.stats().double_frees), (0, 0));
        heap.check().unwrap();

        let arena: std::boxed::Box<ArenaAlloc<{ 64 << 10 }>> = std::boxed::Box::default();
        run(&*arena, &calls);
        prop_assert_eq!(arena.stats().used, 0);

        let lent = LentSlots::<_, 4>::new(thread_local(&mut bytes));
        run(&lent, &calls);
        prop_assert_eq!(lent.stats().live_blocks, 0);
        drop(lent);

        let kernel: KernelAlloc<2, 12> = KernelAlloc::new(|| 0);
        // SAFETY: the bytes are lent until the allocator was last used.
        unsafe { kernel.add(NonNull::from(&mut bytes[..])) }.unwrap();
        run(&kernel, &calls);
        prop_assert_eq!(kernel.used(), 0);
        kernel.check().unwrap();

        let regions: RegionAlloc = RegionAlloc::new();
        for half in bytes.chunks_mut(2 << 20) {
            // SAFETY: the bytes are lent until the allocator was last used.
            unsafe { regions.add(NonNull::from(half)) }.unwrap();
        }
        run(&regions, &calls);
        prop_assert_eq!(regions.stats().used, 0);

        let heap = LinkedListAllocator::new(Backend::new(&mut bytes), Bare, ID);
        run(&heap, &calls);
        prop_assert_eq!(heap.stats().live, 0);
    }

    #[test]
    fn a_map_of_vectors_holds_what_the_standard_ones_do(
        lines in prop::collection::vec((0_u8..40, prop::collection::vec(any::<u64>(), 0..80)), 0..80),
        removed in prop::collection::vec(0_u8..40, 0..40),
    ) {
        let mut bytes = bytes();
        let heap = thread_local(&mut bytes);
        {
            let slot = local(&heap);
            let mut map = HashMap::new_in(slot);
            let mut model: Model<u8, Vec<u64>> = Model::new();
            for (key, numbers) in &lines {
                map.entry(*key).or_insert_with(|| VecIn::<u64, _>::new_in(slot)).extend(numbers);
                model.entry(*key).or_default().extend(numbers);
            }
            for key in &removed {
                prop_assert_eq!(map.remove(key).is_some(), model.remove(key).is_some());
                map.shrink_to_fit();
            }
            prop_assert_eq!(map.len(), model.len());
            for (key, numbers) in &model {
                prop_assert_eq!(map[key].as_slice(), numbers.as_slice());
            }
        }
        prop_assert_eq!(heap.stats().live_blocks, 0);
        heap.check().unwrap();
    }
}

#[test]
fn what_does_not_fit_is_an_error_and_changes_nothing() {
    let mut bytes = vec![0; 256 << 10];
    let heap = thread_local(&mut bytes);
    let mut numbers = VecIn::new_in(&heap);
    while numbers.try_reserve(1).is_ok() {
        numbers.push(numbers.len());
    }
    assert!(numbers.len() > 1000);
    assert!(numbers.iter().copied().eq(0..numbers.len()));
    let mut map: HashMap<usize, usize, _, _> = HashMap::new_in(&heap);
    assert!(map.try_reserve(1 << 20).is_err());
    assert!(Box::try_new_in([0_u8; 250 << 10], &heap).is_err());
    drop(numbers);
    assert!(map.try_reserve(1000).is_ok());
}

// In a hardened heap blocks grow by moving.
#[cfg(not(feature = "secure"))]
#[test]
fn a_large_vector_grows_where_it_stands() {
    let mut bytes = bytes();
    let heap = thread_local(&mut bytes);
    // Blocks grow into slabs that have been in use.
    drop(VecIn::<u8, _>::with_capacity_in(2 << 20, &heap));
    let mut numbers = VecIn::with_capacity_in(100_000, local(&heap));
    let start = numbers.as_ptr();
    for size in [200_000, 400_000, 800_000] {
        numbers.resize(size, 1_u8);
        assert_eq!(numbers.as_ptr(), start);
    }
}

#[test]
fn what_has_no_bytes_takes_no_memory() {
    let mut bytes = bytes();
    let heap = thread_local(&mut bytes);
    let units = (Box::new_in((), &heap), VecIn::<u64, _>::with_capacity_in(0, &heap));
    let mut emptied = VecIn::with_capacity_in(10, &heap);
    emptied.push(1);
    emptied.clear();
    emptied.shrink_to_fit();
    assert_eq!(heap.stats().live_blocks, 0);
    drop((units, emptied));
    heap.check().unwrap();
}

#[test]
fn a_heap_lives_as_long_as_the_vector_that_has_it() {
    let bytes = Vec::leak(bytes());
    let numbers = {
        let mut numbers = VecIn::new_in(thread_local(bytes));
        numbers.extend(0..1000);
        numbers
    };
    assert_eq!(numbers.iter().sum::<i32>(), 499_500);
    assert!(numbers.allocator().stats().live_blocks > 0);
}
