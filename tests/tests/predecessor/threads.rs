//! Threads that come, go, and free each other's blocks.

use std::cell::RefCell;
use std::sync::Barrier;
use std::thread;

use anymem::{HeapOptions, SharedHeap, Size};
use anymem_core::allocator::Allocator;
use anymem_core::offset::Offset;
use anymem_core::thread::Context;
use anymem_tests::heap::{fill, free, layout};
use anymem_tests::{Board, Random, ShadowHeap, TestHeap, in_threads};

/// The table of threads had 1024 entries for all processes and all times; the
/// 1024th thread ever crashed.
#[test]
fn more_than_a_thousand_threads_at_a_time() {
    let heap = TestHeap::new(64);
    let threads = 1100;
    let all_hold = Barrier::new(threads);
    in_threads(threads, |_| {
        let mut shadow = ShadowHeap::new();
        for size in [16, 100, 1000] {
            shadow.allocate(&*heap, Context::DEFAULT, layout(size, 8)).expect("room");
        }
        all_hold.wait();
        shadow.check_all(&*heap);
        shadow.free_all(&*heap, Context::DEFAULT);
    });
    heap.is_whole();
}

/// As above, one after the other: numbers were never given back.
#[test]
fn ten_thousand_short_threads() {
    let heap = TestHeap::with(&HeapOptions::new().slots(16), Size::mib(16));
    for _ in 0..1250 {
        in_threads(8, |_| {
            for size in [24, 500] {
                let layout = layout(size, 8);
                let at = heap.allocate(Context::DEFAULT, layout).expect("room");
                fill(&*heap, at, size, 1);
                free(&*heap, at, layout);
            }
        });
    }
    assert_eq!(heap.owners().count(), 0, "a thread that ended holds a slot");
    let committed = heap.stats().committed;
    assert!(committed < 12 << 20, "{committed}");
    heap.is_whole();
}

/// Sixteen threads that ended left 2.4 GB behind: what they had cached was lost
/// for everybody.
#[test]
fn threads_that_end_leave_nothing() {
    let heap = TestHeap::new(64);
    let mut first = 0;
    for round in 0..16 {
        in_threads(1, |_| {
            let mut random = Random::new(round);
            let mut blocks = Vec::new();
            for _ in 0..5000 {
                let layout = layout(random.size() % 3000, 8);
                blocks.push((heap.allocate(Context::DEFAULT, layout).expect("room"), layout));
            }
            blocks.into_iter().for_each(|(at, layout)| free(&*heap, at, layout));
        });
        let committed = heap.stats().committed;
        if round == 0 {
            first = committed;
        }
        assert!(committed < first + (4 << 20), "{committed} after round {round}, first {first}");
    }
    heap.is_whole();
}

/// The destructor that would have given a thread's number back was switched
/// off, for it crashed when values of the thread were still used.
#[test]
fn a_thread_may_use_the_heap_while_it_ends() {
    struct FreesAtTheEnd(Vec<(SharedHeap, Offset)>);
    impl Drop for FreesAtTheEnd {
        fn drop(&mut self) {
            for (heap, at) in self.0.drain(..) {
                free(&heap, at, layout(64, 8));
                let at = heap.allocate(Context::DEFAULT, layout(32, 8)).expect("room");
                free(&heap, at, layout(32, 8));
            }
        }
    }
    thread_local! {
        static KEPT: RefCell<Option<FreesAtTheEnd>> = const { RefCell::new(None) };
    }
    let heap = TestHeap::new(8);
    for early in [true, false] {
        for _ in 0..50 {
            let mine = (*heap).clone();
            let work = move || {
                // Before or after the first use of the heap: destructors run in
                // an order of their own.
                if early {
                    KEPT.set(Some(FreesAtTheEnd(Vec::new())));
                }
                let at = mine.allocate(Context::DEFAULT, layout(64, 8)).expect("room");
                KEPT.with_borrow_mut(|kept| {
                    kept.get_or_insert(FreesAtTheEnd(Vec::new())).0.push((mine, at));
                });
            };
            thread::spawn(work).join().expect("no panic");
        }
    }
    assert_eq!(heap.stats().live_blocks, 0);
    assert_eq!(heap.owners().count(), 0);
    heap.is_whole();
}

/// Large blocks freed by another thread went onto a list without any
/// protection.
#[test]
fn large_blocks_are_freed_by_any_thread() {
    let heap = TestHeap::new(128);
    const BLOCKS: usize = 300;
    let large = layout(17 << 20, 8);
    // Up to two on the board, and three that are being freed.
    let board = Board::<2>::new();
    in_threads(4, |number| {
        if number > 0 {
            (0..BLOCKS / 3).for_each(|_| free(&*heap, Offset::new(board.take()), large));
            return;
        }
        for _ in 0..BLOCKS {
            let at = heap.allocate(Context::DEFAULT, large).expect("room for six");
            board.put(at.get());
        }
    });
    heap.is_whole();
}

/// Where threads could not be told apart, each call took a new number.
#[test]
fn calls_without_a_slot_take_none() {
    let heap = TestHeap::with(&HeapOptions::new().slots(2), Size::mib(4));
    let way = heap.allocator();
    for _ in 0..5000 {
        let at = way.allocate(Context::DEFAULT, layout(64, 8)).expect("room");
        free(way, at, layout(64, 8));
    }
    assert_eq!(heap.owners().count(), 0);
    heap.is_whole();
}
