//! `ShmTopic` against queues of numbers, with receivers that leave and die; each
//! block is lent again or freed, after the last one who had it.
#![cfg(feature = "derive")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::collections::{BTreeSet, VecDeque};
use std::mem::forget;
use std::ptr;
use std::thread;
use std::time::Duration;

use anymem_core::container::message::{MessageError, Overflow, Receiver, ShmTopic};
use anymem_core::container::{ContainerError, ShmString};
use common::{TestHeap, play};
use proptest::prelude::*;

const MESSAGES: usize = 6;
const HISTORY: usize = 2;

#[derive(Debug, Clone)]
enum Op {
    Join(usize, u8),
    Publish,
    Receive(usize),
    Leave(usize),
    Die(usize),
    DieLending,
    Trim,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        2 => (1..4_usize, 0..3_u8).prop_map(|(limit, overflow)| Op::Join(limit, overflow)),
        8 => Just(Op::Publish),
        8 => (0..3_usize).prop_map(Op::Receive),
        1 => (0..3_usize).prop_map(Op::Leave),
        1 => (0..3_usize).prop_map(Op::Die),
        1 => Just(Op::DieLending),
        1 => Just(Op::Trim),
    ]
}

/// What a receiver has yet to receive.
struct Expected {
    queue: VecDeque<u64>,
    limit: usize,
    overflow: Overflow,
}

impl Expected {
    fn is_full(&self) -> bool {
        self.queue.len() >= self.limit
    }

    fn push(&mut self, number: u64) {
        while self.is_full() {
            self.queue.pop_front();
        }
        self.queue.push_back(number);
    }
}

type Side<'t> = Option<(Receiver<'t, [u64]>, Expected)>;

/// How long a message is: each block will do for some of the others.
fn len_of(number: u64) -> usize {
    (number * 7 % 20) as usize
}

/// The messages that somebody is to have.
fn waiting(sides: &[Side<'_>], history: &Expected) -> BTreeSet<u64> {
    let queues = sides.iter().flatten().map(|(_, expected)| &expected.queue);
    queues.chain([&history.queue]).flatten().copied().collect()
}

fn publish(topic: &ShmTopic<[u64]>, number: u64, sides: &mut [Side<'_>], history: &mut Expected) {
    let loan = match topic.try_loan_slice(len_of(number)) {
        Ok(loan) => loan,
        Err(error) => {
            assert_eq!(error, MessageError::Full);
            assert_eq!(waiting(sides, history).len(), MESSAGES);
            return;
        }
    };
    let published = loan.fill_with(|_| number).try_publish();
    let refuses = |side: &(Receiver<'_, [u64]>, Expected)| {
        side.1.is_full() && side.1.overflow != Overflow::DropOldest
    };
    if sides.iter().flatten().any(refuses) {
        assert_eq!(published, Err(MessageError::Full));
        return;
    }
    sides.iter_mut().flatten().for_each(|(_, expected)| expected.push(number));
    history.push(number);
    assert_eq!(published, Ok(sides.iter().flatten().count() + 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_topic_is_a_queue_for_each(ops in prop::collection::vec(op(), 1..100)) {
        play(100);
        let heap = TestHeap::new(1 << 14);
        let topic = ShmTopic::<[u64]>::for_each_in(MESSAGES, HISTORY, &*heap).unwrap();
        let mut sides: Vec<Side<'_>> = (0..3).map(|_| None).collect();
        let mut history =
            Expected { queue: VecDeque::new(), limit: HISTORY, overflow: Overflow::DropOldest };
        for (number, op) in (0..).zip(ops) {
            match op {
                Op::Join(limit, overflow) => {
                    let Some(free) = sides.iter().position(Option::is_none) else { continue };
                    let overflow = match overflow {
                        0 => Overflow::Block,
                        1 => Overflow::Refuse,
                        _ => Overflow::DropOldest,
                    };
                    // Each receiver is a process of its own.
                    play(101 + free as u32);
                    let receiver = topic.join(limit, overflow).unwrap();
                    let skipped = history.queue.len().saturating_sub(limit);
                    let queue = history.queue.iter().skip(skipped).copied().collect();
                    sides[free] = Some((receiver, Expected { queue, limit, overflow }));
                }
                Op::Publish => {
                    play(100);
                    publish(&topic, number, &mut sides, &mut history);
                }
                Op::Receive(side) => {
                    let Some((receiver, expected)) = &mut sides[side] else { continue };
                    play(101 + side as u32);
                    let received = receiver.try_receive().map(|message| message.to_vec());
                    let expected = expected.queue.pop_front().map(|it| vec![it; len_of(it)]);
                    assert_eq!(received, expected.ok_or(MessageError::Empty));
                }
                Op::Leave(side) => {
                    play(101 + side as u32);
                    drop(sides[side].take());
                }
                Op::Die(side) => {
                    let pid = 101 + side as u32;
                    play(pid);
                    if let Some((receiver, _)) = sides[side].take() {
                        forget(receiver.try_receive());
                        forget(receiver);
                    }
                    heap.processes.kill(pid);
                    play(100);
                    topic.recover().unwrap();
                    heap.processes.revive(pid);
                }
                Op::DieLending => {
                    heap.processes.revive(109);
                    play(109);
                    forget(topic.try_loan_slice(len_of(number)));
                    play(100);
                    heap.processes.kill(109);
                    topic.recover().unwrap();
                }
                Op::Trim => {
                    topic.trim().unwrap();
                    assert_eq!(heap.live_blocks(), 1 + waiting(&sides, &history).len());
                }
            }
            let waiting = waiting(&sides, &history).len();
            assert_eq!(topic.in_use().unwrap(), waiting);
            assert!((1 + waiting..=1 + MESSAGES).contains(&heap.live_blocks()));
        }
        for (side, receiver) in sides.into_iter().enumerate() {
            play(101 + side as u32);
            drop(receiver);
        }
        drop(topic);
        heap.assert_empty();
    }
}

fn text(number: u64) -> String {
    format!("{number:040}")
}

#[test]
fn the_last_one_to_drop_a_message_drops_its_values() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let topic = ShmTopic::<[ShmString]>::for_each_in(4, 0, &*heap).unwrap();
    let before = heap.live_blocks();
    let readers = [0; 3].map(|_| topic.join(4, Overflow::Block).unwrap());
    let loan = topic.loan_slice(5).unwrap();
    let make = |index| ShmString::from_str_in(&text(index as u64), &*heap).unwrap();
    assert_eq!(loan.fill_with(make).publish(), Ok(3));
    let received: Vec<_> = readers.iter().map(|reader| reader.receive().unwrap()).collect();
    for message in received {
        assert_eq!(message.len(), 5);
        assert_eq!(message[4], *text(4));
        assert_eq!(heap.live_blocks(), before + 6);
        drop(message);
    }
    assert_eq!(heap.live_blocks(), before + 1);
    // One that nobody receives, one that is not written, and one that is not sent.
    drop(readers);
    assert_eq!(topic.loan_slice(3).unwrap().fill_with(make).publish(), Ok(0));
    drop(topic.loan_slice(5).unwrap());
    drop(topic.loan_slice(4).unwrap().fill_with(make));
    assert_eq!(heap.live_blocks(), before + 1);
    drop(topic);
    heap.assert_empty();
}

/// Where a block for `len` bytes is that is given back at once.
fn lent_at(topic: &ShmTopic<[u8]>, len: usize) -> *const u8 {
    let mut loan = topic.try_loan_slice(len).unwrap();
    assert_eq!(loan.uninit().len(), len);
    loan.uninit().as_ptr().cast()
}

#[test]
fn a_block_is_lent_again_for_as_much_or_half() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let topic = ShmTopic::<[u8]>::for_one_in(3, &*heap).unwrap();
    let first = lent_at(&topic, 1000);
    assert_eq!([1000, 999, 500].map(|len| lent_at(&topic, len)), [first; 3]);
    let (small, large) = (lent_at(&topic, 499), lent_at(&topic, 1001));
    assert!(small != first && large != first && large != small);
    let all = || [499, 1000, 1001].map(|len| lent_at(&topic, len));
    assert_eq!(all(), [small, first, large]);
    assert_eq!(heap.live_blocks(), 1 + 3);
    topic.trim().unwrap();
    assert_eq!(heap.live_blocks(), 1);
}

#[test]
fn the_block_that_was_used_the_longest_ago_is_replaced() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let topic = ShmTopic::<[u8]>::for_one_in(3, &*heap).unwrap();
    let reader = topic.join(3, Overflow::Block).unwrap();
    let send = |len| {
        let loan = topic.try_loan_slice(len).unwrap();
        loan.fill_with(|_| 1).publish().unwrap();
        ptr::from_ref(&*reader.receive().unwrap())
    };
    let [_, second, first] = [100, 400, 1600].map(send).map(<*const [u8]>::cast::<u8>);
    assert_eq!(send(300).cast(), second);
    // In place of the one of 100.
    send(25);
    assert_eq!(heap.live_blocks(), 1 + 3);
    assert_eq!([send(1600), send(400)].map(<*const [u8]>::cast), [first, second]);
}

#[test]
fn messages_of_one_size_allocate_nothing_after_the_first() {
    play(100);
    let heap = TestHeap::new(1 << 16);
    let topic = ShmTopic::<[u64]>::for_each_in(4, 1, &*heap).unwrap();
    let readers = [0; 2].map(|_| topic.join(2, Overflow::DropOldest).unwrap());
    let send = |number| {
        topic.loan_slice(500).unwrap().fill_with(|_| number).publish().unwrap();
        for reader in &readers {
            assert_eq!(*reader.receive().unwrap(), [number; 500]);
        }
    };
    (0..2).for_each(send);
    let before = heap.allocations();
    (2..100).for_each(send);
    assert_eq!(heap.allocations(), before);
}

#[test]
fn a_topic_that_finds_the_heap_full_gives_up_what_it_keeps() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let topic = ShmTopic::<[u8]>::for_one_in(4, &*heap).unwrap();
    (topic.loan_zeroed(2000).unwrap()).publish().unwrap();
    drop([5000, 2000].map(|len| topic.try_loan_slice(len).unwrap()));
    let blocks = heap.live_blocks();
    assert_eq!(topic.try_loan_slice(8000).unwrap().uninit().len(), 8000);
    assert_eq!(heap.live_blocks(), blocks - 1);
    let reader = topic.join(4, Overflow::Block).unwrap();
    assert_eq!(reader.receive().unwrap().len(), 2000);
}

#[test]
fn zero_bytes_are_zero_in_a_block_that_was_used() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let topic = ShmTopic::<[u8]>::for_one_in(1, &*heap).unwrap();
    let used = ptr::from_ref(&*topic.loan_slice(600).unwrap().fill_with(|_| 7));
    let zeroed = topic.loan_zeroed(500).unwrap();
    assert_eq!(zeroed.as_ptr(), used.cast());
    assert_eq!(*zeroed, [0; 500]);
}

#[test]
fn a_job_in_dead_hands_goes_to_the_next() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let jobs = ShmTopic::<u64>::for_one_in(4, &*heap).unwrap();
    (1..=3).for_each(|job| assert_eq!(jobs.send(job), Ok(1)));
    play(101);
    let dead = jobs.join(1, Overflow::Block).unwrap();
    let job = dead.receive().unwrap();
    assert_eq!(*job, 1);
    forget(job);
    play(102);
    let worker = jobs.join(1, Overflow::Block).unwrap();
    assert_eq!(*worker.receive().unwrap(), 2);
    heap.processes.kill(101);
    jobs.recover().unwrap();
    assert_eq!([worker.receive(), worker.receive()].map(|job| *job.unwrap()), [1, 3]);
    jobs.close().unwrap();
    assert_eq!(worker.receive().map(|_| ()), Err(MessageError::Closed));
    assert_eq!(jobs.send(4), Err(MessageError::Closed));
    forget(dead);
}

/// It is not told of the end while others have a job that may come back.
#[test]
fn who_waits_finds_the_dead_by_itself() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let jobs = ShmTopic::<u64>::for_one_in(1, &*heap).unwrap();
    jobs.send(7).unwrap();
    jobs.close().unwrap();
    play(101);
    let dead = jobs.join(1, Overflow::Block).unwrap();
    forget(dead.receive());
    play(102);
    let worker = jobs.join(1, Overflow::Block).unwrap();
    assert_eq!(worker.try_receive().map(|_| ()), Err(MessageError::Empty));
    heap.processes.kill(101);
    assert_eq!(*worker.receive().unwrap(), 7);
    assert_eq!(worker.receive().map(|_| ()), Err(MessageError::Closed));
    forget(dead);
}

#[test]
fn waiting_ends() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let topic = ShmTopic::<u64>::for_each_in(2, 0, &*heap).unwrap();
    let short = Duration::from_millis(1);
    let reader = topic.join(1, Overflow::Block).unwrap();
    assert_eq!(reader.receive_timeout(short).map(|_| ()), Err(MessageError::TimedOut));
    topic.send(1).unwrap();
    let letter = topic.loan().unwrap().write(2);
    assert_eq!(topic.loan_timeout(short).map(|_| ()), Err(MessageError::TimedOut));
    assert_eq!(letter.publish_timeout(short), Err(MessageError::TimedOut));
    drop(reader.receive().unwrap());
    assert_eq!(topic.send(3), Ok(1));
}

#[test]
fn a_heap_that_is_full_refuses_a_loan_and_nothing_is_lost() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let topic = ShmTopic::<[u8]>::for_one_in(2, &*heap).unwrap();
    let full = |error| matches!(error, MessageError::Heap(ContainerError::Alloc(_)));
    assert!(full(topic.loan_slice(1 << 20).map(|_| ()).unwrap_err()));
    assert!(full(topic.loan_slice(usize::MAX).map(|_| ()).unwrap_err()));
    assert_eq!(topic.in_use(), Ok(0));
    assert!(topic.loan_zeroed(500).unwrap().iter().all(|&byte| byte == 0));
}

#[test]
fn many_send_and_receive_at_once() {
    let heap = TestHeap::new(1 << 16);
    let jobs = ShmTopic::<u64>::for_one_in(8, &*heap).unwrap();
    let jobs = &jobs;
    let mut got = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let worker = jobs.join(1, Overflow::Block).unwrap();
                    let mut got = Vec::new();
                    while let Ok(job) = worker.receive() {
                        got.push(*job);
                    }
                    got
                })
            })
            .collect();
        let senders: Vec<_> = (0..2_u64)
            .map(|by| {
                scope.spawn(move || {
                    (0..1500).for_each(|job| assert_eq!(jobs.send(job * 2 + by), Ok(1)));
                })
            })
            .collect();
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        jobs.close().unwrap();
        got.extend(workers.into_iter().flat_map(|worker| worker.join().unwrap()));
    });
    got.sort_unstable();
    assert!(got.into_iter().eq(0..3000));
    jobs.trim().unwrap();
    assert_eq!(heap.live_blocks(), 1);
}

proptest! {
    #[test]
    fn damaged_topics_do_no_harm(
        damage in prop::collection::vec((any::<usize>(), prop_oneof![0..4096_usize, any::<usize>()]), 1..12)
    ) {
        play(100);
        let mut heap = TestHeap::new(1 << 14);
        let topic = ShmTopic::<[u8]>::for_each_in(4, 1, &*heap).unwrap();
        let reader = topic.join(2, Overflow::DropOldest).unwrap();
        for len in 0..3 {
            topic.loan_zeroed(len * 50).unwrap().publish().unwrap();
        }
        let bytes = heap.bytes();
        for (at, word) in damage {
            let at = at % (bytes.len() / 8) * 8;
            bytes[at..at + size_of::<usize>()].copy_from_slice(&word.to_ne_bytes());
        }
        for _ in 0..10 {
            if let Ok(message) = reader.try_receive() {
                assert!(message.iter().map(|&byte| u64::from(byte)).sum::<u64>() < u64::MAX);
            }
            if let Ok(loan) = topic.try_loan_slice(20) {
                let _ = loan.fill_with(|_| 1).try_publish();
            }
        }
        let _ = (topic.recover(), topic.in_use(), topic.trim(), format!("{topic:?}"));
    }
}
