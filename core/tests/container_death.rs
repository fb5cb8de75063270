//! A process that dies inside a container's method leaves one that works.
//!
//! A thread plays the dying process: at the n-th call to the heap, or in one of
//! its closures, it stops for ever, and is declared dead. (Death between any
//! two instructions is for the tests with real processes.)
#![cfg(feature = "containers")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anymem_core::allocator::Allocator;
use anymem_core::container::{ShmHashMap, ShmString};
use common::{TestHeap, play};

type Map = ShmHashMap<u64, ShmString>;

/// Long enough for a block.
fn text(of: u64) -> String {
    format!("{of:050}")
}

/// Runs `victim` as process 101, until it is done or stops for ever.
fn run_and_kill(
    heap: &'static TestHeap,
    stopped: impl Fn() -> bool,
    victim: impl FnOnce() + Send + 'static,
) -> bool {
    let thread = thread::spawn(|| {
        play(101);
        victim();
    });
    while !thread.is_finished() && !stopped() {
        thread::yield_now();
    }
    heap.processes.kill(101);
    stopped()
}

fn work(map: &Map, heap: &TestHeap) {
    for round in 0..40_u64 {
        let key = round * 5 % 29;
        let value = ShmString::from_str_in(&text(key), &**heap).unwrap();
        drop(map.insert(key, value).unwrap());
        if round % 4 == 3 {
            drop(map.remove(&(round * 3 % 29)).unwrap());
        }
        if round % 16 == 15 {
            map.clear().unwrap();
        }
    }
}

#[test]
fn death_at_any_call_to_the_heap() {
    let mut deaths = 0;
    for n in 0.. {
        let heap: &'static TestHeap = Box::leak(Box::new(TestHeap::new(1 << 18)));
        let map: &'static Map = Box::leak(Box::new(Map::with_shards_in(1, &**heap).unwrap()));
        heap.die_after(n);
        if !run_and_kill(heap, || heap.died(), move || work(map, heap)) {
            break;
        }
        deaths += 1;
        heap.never_die();
        play(100);
        map.check().unwrap();
        map.for_each(|key, value| assert!(*value == *text(*key))).unwrap();
        // Where the table was not locked, there was nothing to recover.
        assert!(map.recoveries().unwrap() <= 1);
        work(map, heap);
        map.clear().unwrap();
        // What is left: the shards, the table, and what was in flight: the value
        // that the dead one held, and the table that it was just giving up.
        assert!(heap.live_blocks() <= 4, "{} blocks after death at {n}", heap.live_blocks());
        assert_eq!(heap.bad_frees(), 0);
    }
    assert!(deaths > 50, "only {deaths} deaths");
}

#[test]
fn death_in_a_closure() {
    let heap: &'static TestHeap = Box::leak(Box::new(TestHeap::new(1 << 16)));
    let map: &'static ShmHashMap<u64, u64> =
        Box::leak(Box::new(ShmHashMap::with_shards_in(1, &**heap).unwrap()));
    static STOPPED: AtomicBool = AtomicBool::new(false);
    map.insert(1, 10).unwrap();
    assert!(run_and_kill(
        heap,
        || STOPPED.load(Ordering::SeqCst),
        || {
            map.update(&1, |value| {
                *value += 1;
                STOPPED.store(true, Ordering::SeqCst);
                loop {
                    thread::park();
                }
            })
            .unwrap();
        }
    ));
    play(100);
    // The change was not made, for the closure was not done, and to see that takes
    // no lock.
    assert_eq!(map.get(&1), Ok(Some(10)));
    assert_eq!(map.recoveries(), Ok(0));
    map.check().unwrap();
    assert_eq!((map.get(&1), map.recoveries()), (Ok(Some(10)), Ok(1)));
}

/// The words of a shard, as `map/shard.rs` orders them.
struct Shard {
    at: usize,
}

impl Shard {
    const WORD: usize = size_of::<usize>();

    fn word(&self, heap: &mut TestHeap, index: usize) -> usize {
        let at = self.at + index * Self::WORD;
        usize::from_ne_bytes(heap.bytes()[at..][..Self::WORD].try_into().unwrap())
    }

    fn set(&self, heap: &mut TestHeap, index: usize, word: usize) {
        let at = self.at + index * Self::WORD;
        heap.bytes()[at..][..Self::WORD].copy_from_slice(&word.to_ne_bytes());
    }
}

/// Death between any two stores of a replacement, by hand: the state that each
/// leaves behind is written into the heap's bytes.
#[test]
fn death_while_a_value_is_replaced() {
    const ENTRY: usize = 8 + size_of::<ShmString>();
    for died_before in ["publish", "erase", "forget"] {
        let mut heap = TestHeap::new(1 << 16);
        let map = Map::with_shards_in(1, &*heap).unwrap();
        let value = ShmString::from_str_in(&text(1), &*heap).unwrap();
        map.insert(1, value).unwrap();
        let new = ShmString::from_str_in("new", &*heap).unwrap();
        // SAFETY: a string is plain data, and the copy takes its place.
        let new: [u8; size_of::<ShmString>()] = unsafe { std::mem::transmute(new) };
        // The heap's first block.
        let shard = Shard { at: 128 };
        let table = shard.word(&mut heap, 1) & !63;
        // The only group, and behind it the slots; control byte `i` is for slot `i` on
        // little-endian machines.
        let group = table..table + 2 * size_of::<usize>();
        let from = heap.bytes()[group.clone()].iter().position(|byte| *byte >= 0x80).unwrap();
        let to = from ^ 1;
        let entry = |slot: usize| group.end + slot * ENTRY;
        let key = heap.bytes()[entry(from)..][..8].to_vec();
        heap.bytes()[entry(to)..][..8].copy_from_slice(&key);
        heap.bytes()[entry(to) + 8..][..new.len()].copy_from_slice(&new);
        shard.set(&mut heap, 4, from);
        shard.set(&mut heap, 5, to + 1);
        if died_before != "publish" {
            heap.bytes()[table + to] = heap.bytes()[table + from];
        }
        if died_before == "forget" {
            heap.bytes()[table + from] = 0;
        }
        // A dead holder, and counts that are off.
        shard.set(&mut heap, 0, play(77).to_word());
        shard.set(&mut heap, 2, 5);
        shard.set(&mut heap, 3, 6);
        play(100);
        let found = map.with(&1, |value| value.to_string()).unwrap();
        let expected = if died_before == "publish" { text(1) } else { "new".into() };
        assert_eq!(found, Some(expected), "died before {died_before}");
        assert_eq!((map.len(), map.recoveries()), (Ok(1), Ok(1)));
        map.check().unwrap();
        drop(map);
        let leaked = usize::from(died_before != "publish");
        assert_eq!((heap.live_blocks(), heap.bad_frees()), (leaked, 0));
    }
}

#[test]
fn several_wait_for_one_that_dies() {
    let heap: &'static TestHeap = Box::leak(Box::new(TestHeap::new(1 << 16)));
    let map: &'static ShmHashMap<u64, u64> =
        Box::leak(Box::new(ShmHashMap::with_shards_in(1, &**heap).unwrap()));
    heap.die_after(0);
    let waiters = [100, 102, 103].map(|pid| {
        thread::spawn(move || {
            while !heap.died() {
                thread::yield_now();
            }
            play(pid);
            for key in 0..100 {
                map.upsert(&key, |_| Ok(key), 0, |count| *count += 1).unwrap();
            }
        })
    });
    run_and_kill(heap, || heap.died(), || _ = map.insert(1, 1));
    waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    assert!((0..100).all(|key| map.get(&key) == Ok(Some(3))));
    assert_eq!(map.recoveries(), Ok(1));
    assert_eq!(heap.stats().live_blocks, 2);
}
