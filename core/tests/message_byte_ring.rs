//! `ShmByteRing` against a queue of vectors, and what becomes of it when somebody
//! dies, closes it, or damages it.
#![cfg(feature = "derive")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::collections::VecDeque;
use std::mem::forget;
use std::thread;
use std::time::Duration;

use anymem_core::allocator::Allocator;
use anymem_core::container::ContainerError;
use anymem_core::container::message::{MessageError, ShmByteRing};
use common::{TestHeap, play};
use proptest::prelude::*;

const CAPACITY: usize = 512;

#[derive(Debug, Clone)]
enum Op {
    Send(usize, u8),
    SendFirst(usize, usize),
    GiveUp(usize),
    Die(usize),
    Read,
    PutBack,
    DieReading,
    Relocate,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0..300_usize, any::<u8>()).prop_map(|(len, byte)| Op::Send(len, byte)),
        2 => (0..200_usize, 0..220_usize).prop_map(|(len, first)| Op::SendFirst(len, first)),
        1 => (0..200_usize).prop_map(Op::GiveUp),
        1 => (0..100_usize).prop_map(Op::Die),
        8 => Just(Op::Read),
        1 => Just(Op::PutBack),
        1 => Just(Op::DieReading),
        1 => Just(Op::Relocate),
    ]
}

/// Lets the process 101 do something and die.
fn let_die(heap: &TestHeap, work: impl FnOnce()) {
    heap.processes.revive(101);
    play(101);
    work();
    play(100);
    heap.processes.kill(101);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_ring_is_a_queue(ops in prop::collection::vec(op(), 1..80)) {
        play(100);
        let mut heap = TestHeap::new(1 << 14);
        let ring = ShmByteRing::new_in(CAPACITY, &*heap).unwrap();
        let longest = ring.longest();
        let mut model = VecDeque::<Vec<u8>>::new();
        for op in ops {
            match op {
                Op::Send(len, byte) => {
                    let message = vec![byte; len];
                    match ring.try_send(&message) {
                        Ok(()) => model.push_back(message),
                        Err(MessageError::TooLarge { most, .. }) => {
                            assert!(len > longest && most == longest);
                        }
                        // An empty ring has room for anything.
                        Err(error) => {
                            assert_eq!(error, MessageError::Full);
                            assert!(ring.used().unwrap() > 0);
                        }
                    }
                }
                Op::SendFirst(len, first) => {
                    if let Ok(mut room) = ring.try_reserve(len) {
                        room.fill(7);
                        room.commit_first(first).unwrap();
                        model.push_back(vec![7; first.min(len)]);
                    }
                }
                Op::GiveUp(len) => drop(ring.try_reserve(len)),
                Op::Die(len) => let_die(&heap, || forget(ring.try_reserve(len))),
                Op::Read => match (read(&ring), model.pop_front()) {
                    (Ok(message), expected) => assert_eq!(Some(message), expected),
                    (Err(error), None) => assert_eq!(error, MessageError::Empty),
                    (Err(error), Some(_)) => panic!("{error}"),
                },
                Op::PutBack => {
                    if let Ok(message) = ring.try_read() {
                        message.put_back();
                    }
                }
                Op::DieReading => let_die(&heap, || forget(ring.try_read())),
                Op::Relocate => heap.relocate(),
            }
        }
        drop(ring);
        heap.assert_empty();
    }
}

/// A message, with enough looks for the dead to be noticed.
fn read(ring: &ShmByteRing) -> Result<Vec<u8>, MessageError> {
    let look = |_| ring.try_read().map(|message| message.to_vec());
    (0..64).map(look).find(Result::is_ok).unwrap_or(Err(MessageError::Empty))
}

#[test]
fn any_number_of_dead_writers_is_passed_over_at_once() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let ring = ShmByteRing::new_in(CAPACITY, &*heap).unwrap();
    for _ in 0..10 {
        let_die(&heap, || forget(ring.try_reserve(0)));
    }
    ring.try_send(&[1]).unwrap();
    assert_eq!(read(&ring), Ok(vec![1]));
}

#[test]
fn the_longest_message_fits_wherever_the_ring_begins() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let ring = ShmByteRing::new_in(CAPACITY, &*heap).unwrap();
    for _ in 0..50 {
        ring.send(&[1]).unwrap();
        drop(ring.read().unwrap());
        ring.try_send(&vec![2; ring.longest()]).unwrap();
        drop(ring.read().unwrap());
    }
    let too_long = vec![3; ring.longest() + 1];
    assert!(matches!(ring.send(&too_long), Err(MessageError::TooLarge { .. })));
    assert!(matches!(
        ring.send_timeout(&too_long, Duration::ZERO),
        Err(MessageError::TooLarge { .. })
    ));
    assert!(matches!(ring.try_reserve(usize::MAX), Err(MessageError::TooLarge { .. })));
}

#[test]
fn waiting_ends() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let ring = ShmByteRing::new_in(CAPACITY, &*heap).unwrap();
    let short = Duration::from_millis(1);
    assert_eq!(ring.read_timeout(short).map(|_| ()), Err(MessageError::TimedOut));
    let message = vec![1; 100];
    while ring.try_send(&message).is_ok() {}
    assert_eq!(ring.send_timeout(&message, short), Err(MessageError::TimedOut));
    let held = ring.read().unwrap();
    assert_eq!(ring.try_read().map(|_| ()), Err(MessageError::Busy));
    drop(held);
    assert_eq!(ring.try_send(&message), Ok(()));
}

#[test]
fn what_was_reserved_is_read_after_the_end() {
    play(100);
    let heap = TestHeap::new(1 << 14);
    let ring = ShmByteRing::new_in(CAPACITY, &*heap).unwrap();
    let mut room = ring.reserve(3).unwrap();
    room.copy_from_slice(b"end");
    ring.close().unwrap();
    assert!(ring.is_closed().unwrap());
    assert_eq!(ring.send(b"more"), Err(MessageError::Closed));
    assert_eq!(ring.try_read().map(|_| ()), Err(MessageError::Empty));
    room.commit().unwrap();
    assert_eq!(&*ring.read().unwrap(), b"end");
    assert_eq!(ring.read().map(|_| ()), Err(MessageError::Closed));
}

#[test]
fn many_write_and_read_at_once() {
    let heap = TestHeap::new(1 << 14);
    let ring = ShmByteRing::new_in(CAPACITY, &*heap).unwrap();
    let ring = &ring;
    let mut sums = Vec::new();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut sum = 0;
                    while let Ok(message) = ring.read() {
                        let first = message.first().copied().unwrap_or(0);
                        assert!(message.iter().all(|&byte| byte == first), "half of a message");
                        sum += message.len();
                    }
                    sum
                })
            })
            .collect();
        let writers: Vec<_> = (1..=3_u8)
            .map(|byte| {
                scope.spawn(move || {
                    for len in 0..600_usize {
                        ring.send(&vec![byte; len % 150]).unwrap();
                    }
                })
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        ring.close().unwrap();
        sums.extend(readers.into_iter().map(|reader| reader.join().unwrap()));
    });
    assert_eq!(sums.iter().sum::<usize>(), 3 * (0..600).map(|len| len % 150).sum::<usize>());
}

#[test]
fn without_its_heap_a_ring_answers_with_errors() {
    play(100);
    let mut heap = TestHeap::new(1 << 14);
    let ring = ShmByteRing::new_in(CAPACITY, &*heap).unwrap();
    heap.detach();
    let gone = MessageError::Heap(ContainerError::NotAttached(heap.id()));
    assert_eq!(ring.send(b"a"), Err(gone));
    assert_eq!(ring.read().map(|_| ()), Err(gone));
    heap.attach();
    assert_eq!(ring.send(b"a"), Ok(()));
}

proptest! {
    #[test]
    fn damaged_rings_do_no_harm(
        damage in prop::collection::vec((any::<usize>(), prop_oneof![0..4096_usize, any::<usize>()]), 1..12)
    ) {
        play(100);
        let mut heap = TestHeap::new(1 << 14);
        let ring = ShmByteRing::new_in(CAPACITY, &*heap).unwrap();
        (0..5).for_each(|byte| ring.send(&[byte; 40]).unwrap());
        let bytes = heap.bytes();
        for (at, word) in damage {
            let at = at % (bytes.len() / 8) * 8;
            bytes[at..at + size_of::<usize>()].copy_from_slice(&word.to_ne_bytes());
        }
        for round in 0..20 {
            if let Ok(message) = ring.read_timeout(Duration::ZERO) {
                assert!(message.len() <= CAPACITY);
                assert!(message.iter().map(|&byte| u64::from(byte)).sum::<u64>() < u64::MAX);
            }
            let _ = ring.send_timeout(&[round; 30], Duration::ZERO);
        }
        let _ = (ring.used(), format!("{ring:?}"), ring.is_closed());
    }
}
