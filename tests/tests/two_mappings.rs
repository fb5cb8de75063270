//! Two mappings of one segment in one process, at different addresses.
//!
//! - what is allocated through one is live, and has its contents, in the other;
//! - either frees and resizes what the other allocated;
//! - slots claimed through either, calls without a slot, and contexts of the
//!   other mapping all work;
//! - both count the same, and everything freed gives the segment back;
//! - offsets, never addresses, are in the segment.

use anymem::Size;
use anymem::backend::{Backend, MemfdBackend};
use anymem::thread::PthreadModel;
use anymem_core::allocator::{Allocator, ScalablePageAllocator, ThreadLocalAllocator};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::segment::Config;
use anymem_core::size_class::SEAL;
use anymem_core::thread::Context;
use anymem_tests::heap::{bytes, exhaust, fill, free, layout};
use anymem_tests::{Board, Meeting, Random, ShadowHeap, in_threads, ops, run};
use proptest::prelude::*;

type Slots = ThreadLocalAllocator<MemfdBackend, PthreadModel>;
type Pages = ScalablePageAllocator<MemfdBackend, PthreadModel>;

fn backends(mib: usize) -> [MemfdBackend; 2] {
    let first = MemfdBackend::create("two", Size::mib(mib)).expect("room");
    let file = first.file().try_clone_to_owned().expect("another handle");
    let second = MemfdBackend::attach(file).expect("the same");
    assert_ne!(first.base(), second.base());
    [first, second]
}

fn two(mib: usize) -> [Slots; 2] {
    let config = Config::new(AllocatorId::new(1, 0)).slots(4);
    let [first, second] = backends(mib);
    let made = Slots::create(first, PthreadModel, &config).expect("room");
    [made, Slots::attach(second, PthreadModel).expect("a heap")]
}

fn is_whole(heap: &Slots) {
    heap.trim(Context::DEFAULT);
    assert_eq!(heap.stats().slabs, 0, "everything was freed");
    let all = layout(heap.stats().capacity - SEAL, 1);
    let at = heap.allocate(Context::DEFAULT, all).expect("one block of everything");
    free(heap, at, all);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 150 } else { 1000 }))]

    #[test]
    fn any_calls_through_both(ops in ops()) {
        let [first, second] = two(3);
        let claimed = [first.create_tls().unwrap(), second.create_tls().unwrap()];
        // The last two name slots of the other mapping, which is no reason for
        // harm: the call goes without one.
        let ways: [(&dyn Allocator, Context); 6] = [
            (&first, claimed[0]),
            (&second, claimed[1]),
            (&first, Context::DEFAULT),
            (&second, Context::DEFAULT),
            (&first, claimed[1]),
            (&second, claimed[0]),
        ];
        run(&ways, &ops, &|| {
            first.check().unwrap();
            second.check().unwrap();
        });
        for (heap, context) in [&first, &second].into_iter().zip(claimed) {
            // SAFETY: the context is not used afterwards.
            unsafe { heap.free_tls(context) };
        }
        is_whole(&second);
    }

    #[test]
    fn any_calls_without_slots(ops in ops()) {
        let [first, second] = backends(3);
        let config = Config::new(AllocatorId::new(1, 0));
        let first = Pages::create(first, PthreadModel, &config).unwrap();
        let second = Pages::attach(second, PthreadModel).unwrap();
        run(&[(&first, Context::DEFAULT), (&second, Context::DEFAULT)], &ops, &|| {
            first.check().unwrap();
            second.check().unwrap();
        });
        first.trim();
        prop_assert_eq!(second.stats().slabs, 0, "everything was freed");
    }
}

/// What one writes the other reads, and the other way round.
#[test]
fn bytes_are_the_same_in_both() {
    let [first, second] = two(3);
    for size in [1, 100, 5000, 200_000] {
        let at = first.allocate(Context::DEFAULT, layout(size, 8)).expect("room");
        for (from, to, byte) in [(&first, &second, 1), (&second, &first, 2)] {
            fill(from, at, size, byte);
            assert_eq!(bytes(to, at, size), vec![byte; size]);
        }
        let here = first.resolve(at, size).expect("inside");
        let there = second.resolve(at, size).expect("inside");
        assert_ne!(here, there);
        assert_eq!(first.offset_of(there), None, "an address of the other mapping");
        free(&second, at, layout(size, 8));
    }
    first.check().expect("in order");
    is_whole(&first);
}

/// A heap that one has filled is full for the other, until somebody frees.
#[test]
fn one_is_full_when_the_other_is() {
    let [first, second] = two(3);
    for (size, most) in [(64, 64), (5000, 16), (70_000, 2)] {
        let layout = layout(size, 8);
        let (blocks, _) = exhaust(&first, layout);
        assert!(second.allocate(Context::DEFAULT, layout).is_err());
        for at in blocks.iter().take(most) {
            free(&second, *at, layout);
        }
        let (again, _) = exhaust(&second, layout);
        assert_eq!(again.len(), most.min(blocks.len()));
        blocks.iter().skip(most).chain(&again).for_each(|&at| free(&first, at, layout));
    }
    is_whole(&second);
}

/// Two threads in two mappings hand each other all their blocks.
#[test]
fn threads_in_both_free_each_others_blocks() {
    const ROUNDS: usize = 60;
    let both = two(16);
    // The contents tell the length: all blocks of a size have their own byte.
    let sizes = |byte: u8| usize::from(byte) * 31 % 8000;
    let boards = [const { Board::<100>::new() }; 2];
    let turn = Meeting::new(2);
    in_threads(2, |number| {
        let (heap, other) = (&both[number], 1 - number);
        let context = heap.create_tls().expect("a slot");
        let (mut random, mut shadow) = (Random::new(number as u64), ShadowHeap::new());
        for _ in 0..ROUNDS {
            for _ in 0..100 {
                let byte = 1 + random.below(250) as u8;
                let at = heap.allocate(context, layout(sizes(byte), 8)).expect("room");
                fill(heap, at, sizes(byte), byte);
                boards[number].put(at.get());
                let size = random.size() % 4000;
                shadow.allocate(heap, context, layout(size, 8)).expect("room");
            }
            turn.wait();
            for at in (0..100).map(|_| Offset::new(boards[other].take())) {
                let byte = bytes(heap, at, 1)[0];
                let size = sizes(byte);
                assert_eq!(bytes(heap, at, size), vec![byte; size]);
                // SAFETY: the block is live, and handed over to this thread.
                unsafe { heap.free(context, at, layout(size, 8)) }.expect("live");
            }
            shadow.check_all(heap);
            shadow.free_all(heap, context);
            turn.wait();
        }
        // SAFETY: the context is not used afterwards.
        unsafe { heap.free_tls(context) };
    });
    both[0].check().expect("in order");
    assert_eq!(both[1].stats().live_blocks, 0);
    is_whole(&both[1]);
}
