//! Threads of one process on one heap.
//!
//! - any calls from several threads keep every block apart and intact;
//! - producers and consumers do not make the heap grow;
//! - what a thread has had comes back when it ends, whoever frees it;
//! - what living threads keep at hand is bounded;
//! - what others freed in a living thread's slabs is found by who needs it;
//! - more threads than slots work.

use std::ptr;

use anymem::{HeapOptions, Size};
use anymem_core::allocator::Allocator;
use anymem_core::offset::Offset;
use anymem_core::thread::Context;
use anymem_tests::heap::{bytes, exhaust, fill, free, layout};
use anymem_tests::{Board, Meeting, Random, ShadowHeap, TestHeap, in_threads};

/// So many random calls by each of the threads, against a model each.
fn random_calls(heap: &TestHeap, threads: usize, calls: usize) {
    in_threads(threads, |number| {
        let (mut shadow, mut random) = (ShadowHeap::new(), Random::new(number as u64));
        for _ in 0..calls {
            let (heap, size) = (&**heap, random.size());
            match random.below(8) {
                0..3 => {
                    let block = layout(size, 1 << random.below(8));
                    let _ = shadow.allocate(heap, Context::DEFAULT, block);
                }
                3 => {
                    let _ = shadow.allocate_zeroed(heap, Context::DEFAULT, layout(size, 8));
                }
                4 => {
                    let which = random.below(1000);
                    let _ = shadow.reallocate_nth(heap, Context::DEFAULT, which, size);
                }
                _ => {
                    shadow.free_nth(heap, Context::DEFAULT, random.below(1000));
                }
            }
        }
        shadow.check_all(&**heap);
        shadow.free_all(&**heap, Context::DEFAULT);
    });
}

#[test]
fn random_calls_from_four_threads() {
    let heap = TestHeap::new(64);
    random_calls(&heap, 4, 20_000);
    heap.is_whole();
}

#[test]
fn random_calls_where_there_is_too_little_room() {
    let heap = TestHeap::new(4);
    random_calls(&heap, 4, 20_000);
    heap.is_whole();
}

#[test]
fn eight_threads_share_two_slots() {
    let heap = TestHeap::with(&HeapOptions::new().slots(2), Size::mib(64));
    random_calls(&heap, 8, 5000);
    heap.is_whole();
}

/// `producers` threads allocate what `consumers` free; how many bytes were
/// committed after each round.
fn hand_over(producers: usize, consumers: usize, size: usize) -> Vec<usize> {
    const ROUNDS: usize = 30;
    let heap = TestHeap::with(&HeapOptions::new().slots(8), Size::mib(64));
    let board = Board::<256>::new();
    let round_over = Meeting::new(producers + consumers + 1);
    let mut committed = in_threads(producers + consumers + 1, |number| {
        let mut committed = Vec::new();
        for _ in 0..ROUNDS {
            if number == 0 {
                round_over.wait();
                committed.push(heap.stats().committed);
            } else if number <= producers {
                for _ in 0..6000 / producers {
                    let at = heap.allocate(Context::DEFAULT, layout(size, 8)).expect("room");
                    fill(&*heap, at, size, 7);
                    board.put(at.get());
                }
                round_over.wait();
            } else {
                for _ in 0..6000 / consumers {
                    let at = Offset::new(board.take());
                    assert_eq!(bytes(&*heap, at, size)[size - 1], 7);
                    free(&*heap, at, layout(size, 8));
                }
                round_over.wait();
            }
            round_over.wait();
        }
        committed
    });
    heap.is_whole();
    committed.swap_remove(0)
}

#[test]
fn producers_and_consumers_do_not_make_the_heap_grow() {
    for (producers, consumers, size) in [(1, 1, 256), (1, 3, 64), (3, 1, 5000), (2, 2, 40_000)] {
        let committed = hand_over(producers, consumers, size);
        // What is on its way, what a thread keeps of emptied runs, and tables.
        let run = if size > 8192 { 512 << 10 } else { 64 << 10 };
        let most = 256 * size + producers * 17 * run + (4 << 20);
        assert!(committed.iter().all(|&it| it <= most), "{size} bytes, {most}: {committed:?}");
    }
}

#[test]
fn blocks_of_a_thread_that_ended_are_freed_by_others() {
    let heap = TestHeap::new(32);
    for size in [24, 700, 9000, 100_000] {
        let left = in_threads(4, |_| {
            let blocks = (0..50).map(|_| heap.allocate(Context::DEFAULT, layout(size, 8)));
            blocks.map(|at| at.expect("room")).collect::<Vec<_>>()
        });
        let left = left.concat();
        assert_eq!(heap.stats().live_blocks, 200);
        in_threads(2, |number| {
            let mine = left.iter().skip(number).step_by(2);
            mine.for_each(|&at| free(&*heap, at, layout(size, 8)));
        });
        heap.is_whole();
    }
}

/// A thread that lives on keeps some of what it freed; the rest serves others.
#[test]
fn what_a_living_thread_keeps_is_bounded() {
    const MIB: usize = 64;
    for size in [64, 1000, 5000, 30_000] {
        let heap = TestHeap::new(MIB);
        let turn = Meeting::new(2);
        in_threads(2, |number| {
            if number == 0 {
                let (blocks, _) = exhaust(&*heap, layout(size, 8));
                blocks.into_iter().for_each(|at| free(&*heap, at, layout(size, 8)));
                turn.wait();
                // Alive, with a slot, until the other one is done.
                turn.wait();
                return;
            }
            turn.wait();
            let (blocks, _) = exhaust(&*heap, layout(3000, 8));
            let got = (blocks.len() * 3000) >> 20;
            assert!(got > MIB * 3 / 4, "after blocks of {size} bytes: {got} of {MIB} MiB");
            blocks.into_iter().for_each(|at| free(&*heap, at, layout(3000, 8)));
            turn.wait();
        });
        heap.is_whole();
    }
}

/// Living threads keep some blocks of each size that they have used; what they
/// keep together leaves most of the heap to others.
#[test]
fn what_living_threads_keep_of_all_sizes_leaves_room() {
    const THREADS: usize = 8;
    let heap = TestHeap::new(64);
    let turn = Meeting::new(THREADS + 1);
    in_threads(THREADS + 1, |number| {
        if number < THREADS {
            for size in (16..=1024).step_by(16).chain((1024..=65_536).step_by(512)) {
                let at = heap.allocate(Context::DEFAULT, layout(size, 8)).expect("room");
                free(&*heap, at, layout(size, 8));
            }
            turn.wait();
            // Alive, with a slot, until the last one is done.
            turn.wait();
            return;
        }
        turn.wait();
        assert_eq!(heap.stats().live_blocks, 0);
        let (blocks, _) = exhaust(&*heap, layout(1 << 20, 8));
        assert!(blocks.len() >= 32, "{} of 64 MiB for a heap with nothing in it", blocks.len());
        blocks.into_iter().for_each(|at| free(&*heap, at, layout(1 << 20, 8)));
        turn.wait();
    });
    heap.is_whole();
}

/// A thread fills the heap and goes to sleep; others free what it allocated,
/// and find the room that this makes.
#[test]
fn what_a_sleeping_thread_allocated_serves_others() {
    for size in [64, 3000, 30_000] {
        let heap = TestHeap::new(16);
        let handed_over = Board::<1>::new();
        let turn = Meeting::new(2);
        in_threads(2, |number| {
            if number == 0 {
                let (blocks, _) = exhaust(&*heap, layout(size, 8));
                handed_over.put(Box::into_raw(Box::new(blocks)).expose_provenance());
                turn.wait();
                return;
            }
            let blocks = ptr::with_exposed_provenance_mut::<Vec<Offset>>(handed_over.take());
            // SAFETY: the other thread made it with `into_raw` and gave it away.
            let blocks = unsafe { Box::from_raw(blocks) };
            blocks.into_iter().for_each(|at| free(&*heap, at, layout(size, 8)));
            let (blocks, _) = exhaust(&*heap, layout(1 << 20, 8));
            assert!(blocks.len() >= 8, "{} of 16 MiB after {size}", blocks.len());
            blocks.into_iter().for_each(|at| free(&*heap, at, layout(1 << 20, 8)));
            turn.wait();
        });
        heap.is_whole();
    }
}

/// A thread loads much of all sizes, frees it in any order and goes to sleep.
#[test]
fn what_a_sleeping_thread_freed_serves_others() {
    let heap = TestHeap::new(64);
    let turn = Meeting::new(2);
    in_threads(2, |number| {
        if number == 0 {
            let (mut random, mut blocks) = (Random::new(5), Vec::new());
            for _ in 0..3000 {
                let most = [1000, 30_000][random.below(2)];
                let block = layout(1 + random.below(most), 8);
                blocks.push((heap.allocate(Context::DEFAULT, block).expect("room"), block));
            }
            while !blocks.is_empty() {
                let (at, block) = blocks.swap_remove(random.below(blocks.len()));
                free(&*heap, at, block);
            }
            turn.wait();
            turn.wait();
            return;
        }
        turn.wait();
        let (blocks, _) = exhaust(&*heap, layout(1 << 20, 8));
        assert!(blocks.len() >= 40, "{} of 64 MiB", blocks.len());
        blocks.into_iter().for_each(|at| free(&*heap, at, layout(1 << 20, 8)));
        turn.wait();
    });
    heap.is_whole();
}
