//! `ShmQueue` against a `VecDeque`, also where allocations fail and the heap moves;
//! every value is dropped once, every block freed once.
#![cfg(feature = "derive")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use anymem_core::container::message::{MessageError, ShmQueue};
use anymem_core::container::{ContainerError, ShmSafe, ShmString};
use common::{TestHeap, play};
use proptest::prelude::*;

/// So large that a chunk has room for eight.
#[derive(Debug, Clone, PartialEq, ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
struct Large([u64; 100]);

#[derive(Debug, Clone)]
enum Op {
    Push(u64),
    Pop,
    Relocate,
    FailAfter(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => any::<u64>().prop_map(Op::Push),
        9 => Just(Op::Pop),
        1 => Just(Op::Relocate),
        1 => (0..3_usize).prop_map(Op::FailAfter),
    ]
}

fn run<T: ShmSafe + PartialEq + std::fmt::Debug>(ops: &[Op], make: impl Fn(u64) -> T) {
    play(100);
    let mut heap = TestHeap::new(1 << 16);
    let queue = ShmQueue::new_in(&*heap).unwrap();
    let mut model = VecDeque::new();
    for op in ops {
        match *op {
            Op::Push(number) => match queue.push(make(number)) {
                Ok(()) => model.push_back(number),
                Err(MessageError::Heap(ContainerError::Alloc(_))) => {}
                Err(error) => panic!("{error}"),
            },
            Op::Pop => {
                let expected = model.pop_front().map(&make).ok_or(MessageError::Empty);
                assert_eq!(queue.try_pop(), expected);
            }
            Op::Relocate => heap.relocate(),
            Op::FailAfter(n) => heap.fail_after(n),
        }
        assert_eq!(queue.len().unwrap(), model.len());
    }
    heap.never_fail();
    drop(queue);
    heap.assert_empty();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn a_queue_of_large_values(ops in prop::collection::vec(op(), 1..120)) {
        run(&ops, |number| Large([number; 100]));
    }

    #[test]
    fn a_queue_of_words(ops in prop::collection::vec(op(), 1..1500)) {
        run(&ops, |number| number);
    }

    #[test]
    fn damaged_queues_do_no_harm(
        damage in prop::collection::vec((any::<usize>(), prop_oneof![0..4096_usize, any::<usize>()]), 1..12)
    ) {
        play(100);
        let mut heap = TestHeap::new(1 << 14);
        let queue = ShmQueue::new_in(&*heap).unwrap();
        (0..12).for_each(|number| queue.push(Large([number; 100])).unwrap());
        let bytes = heap.bytes();
        for (at, word) in damage {
            let at = at % (bytes.len() / 8) * 8;
            bytes[at..at + size_of::<usize>()].copy_from_slice(&word.to_ne_bytes());
        }
        for number in 0..30 {
            let _ = (queue.try_pop(), queue.push(Large([number; 100])), queue.len());
        }
        drop(queue);
    }
}

#[test]
fn values_that_own_blocks_are_dropped_with_the_queue() {
    play(100);
    let heap = TestHeap::new(1 << 16);
    let queue = ShmQueue::new_in(&*heap).unwrap();
    for number in 0..300 {
        queue.push(ShmString::from_str_in(&format!("{number:040}"), &*heap).unwrap()).unwrap();
    }
    for number in 0..250 {
        assert_eq!(queue.pop().unwrap(), *format!("{number:040}"));
    }
    drop(queue);
    heap.assert_empty();
}

#[test]
fn a_queue_ends() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let queue = ShmQueue::new_in(&*heap).unwrap();
    queue.push(1_u8).unwrap();
    queue.close().unwrap();
    assert_eq!(queue.push(2), Err(MessageError::Closed));
    assert_eq!(queue.pop(), Ok(1));
    assert_eq!(queue.pop(), Err(MessageError::Closed));
    assert!(queue.is_closed().unwrap());
}

#[test]
fn waiting_ends() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let queue = ShmQueue::<u8>::new_in(&*heap).unwrap();
    assert_eq!(queue.pop_timeout(Duration::from_millis(1)), Err(MessageError::TimedOut));
}

#[test]
fn many_push_and_pop_at_once() {
    let heap = TestHeap::new(1 << 20);
    let queue = ShmQueue::<u64>::new_in(&*heap).unwrap();
    let queue = &queue;
    let mut got = Vec::new();
    thread::scope(|scope| {
        let poppers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut got = Vec::new();
                    while let Ok(value) = queue.pop() {
                        got.push(value);
                    }
                    // Each pusher's values come in order.
                    for by in 0..3 {
                        let his = got.iter().filter(|&value| value % 3 == by);
                        assert!(his.is_sorted());
                    }
                    got
                })
            })
            .collect();
        let pushers: Vec<_> = (0..3_u64)
            .map(|by| {
                scope.spawn(move || {
                    (0..5000).for_each(|number| queue.push(number * 3 + by).unwrap());
                })
            })
            .collect();
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        queue.close().unwrap();
        got.extend(poppers.into_iter().flat_map(|popper| popper.join().unwrap()));
    });
    got.sort_unstable();
    assert!(got.into_iter().eq(0..15_000));
}
