//! `ShmHashMap` against `HashMap`, and under many threads.
#![cfg(feature = "containers")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anymem_core::allocator::Allocator;
use anymem_core::container::{ContainerError, ShmHashMap, ShmString, ShmVec};
use common::TestHeap;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Op {
    Insert(u16, u64),
    Upsert(u16),
    Remove(u16),
    Update(u16),
    Retain(u64),
    Clear,
    Reserve(usize),
    Relocate,
    FailAfter(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let key = || 0..200_u16;
    prop_oneof![
        8 => (key(), any::<u64>()).prop_map(|(key, value)| Op::Insert(key, value)),
        8 => key().prop_map(Op::Upsert),
        6 => key().prop_map(Op::Remove),
        2 => key().prop_map(Op::Update),
        1 => (2..5_u64).prop_map(Op::Retain),
        1 => Just(Op::Clear),
        1 => (0..300_usize).prop_map(Op::Reserve),
        1 => Just(Op::Relocate),
        2 => (0..4_usize).prop_map(Op::FailAfter),
    ]
}

fn done<R>(result: Result<R, ContainerError>) -> Option<R> {
    match result {
        Ok(value) => Some(value),
        Err(ContainerError::Alloc(_)) => None,
        Err(other) => panic!("{other}"),
    }
}

/// Short keys stand in place, long ones in a block.
fn name(key: u16) -> String {
    if key.is_multiple_of(2) {
        format!("{key}")
    } else {
        format!("a rather long key with number {key}")
    }
}

type Words = ShmHashMap<ShmString, (u64, ShmString)>;

fn apply(op: &Op, heap: &mut TestHeap, map: &Words, model: &mut HashMap<String, u64>) {
    let text = |text: &str, heap: &dyn Allocator| ShmString::from_str_in(text, heap);
    match op {
        Op::Insert(key, value) => {
            let key = name(*key);
            let Some(made) = done(text(&key, &**heap)) else { return };
            let Some(said) = done(text(&format!("{value:030}"), &**heap)) else { return };
            if let Some(old) = done(map.insert(made, (*value, said))) {
                assert_eq!(old.map(|(value, _)| value), model.insert(key, *value));
            }
        }
        Op::Upsert(key) => {
            let key = name(*key);
            let Some(zero) = done(text(&format!("{:030}", 0), &**heap)) else { return };
            let now = map.upsert(
                key.as_str(),
                |heap| text(&key, heap),
                (0, zero),
                |(value, said)| {
                    *value = value.wrapping_add(1);
                    said.clear()?;
                    // As long as it was: the room is there.
                    said.push_str(&format!("{value:030}"))?;
                    Ok::<_, ContainerError>(*value)
                },
            );
            if let Some(now) = done(now) {
                let value = model.entry(key).or_default();
                *value = value.wrapping_add(1);
                assert_eq!(now, Ok(*value));
            }
        }
        Op::Remove(key) => {
            let key = name(*key);
            let removed = map.remove(key.as_str()).unwrap().map(|(value, _)| value);
            assert_eq!(removed, model.remove(&key));
        }
        Op::Update(key) => {
            let key = name(*key);
            let found = map.with(key.as_str(), |(value, _)| *value).unwrap();
            assert_eq!(found.as_ref(), model.get(&key));
            assert_eq!(map.contains_key(key.as_str()).unwrap(), found.is_some());
        }
        Op::Retain(divisor) => {
            map.retain(|_, (value, _)| *value % divisor != 0).unwrap();
            model.retain(|_, value| *value % divisor != 0);
        }
        Op::Clear => {
            map.clear().unwrap();
            model.clear();
        }
        Op::Reserve(more) => drop(done(map.reserve(*more))),
        Op::Relocate => heap.relocate(),
        Op::FailAfter(n) => heap.fail_after(*n),
    }
}

fn run(shards: usize, ops: &[Op]) {
    let mut heap = TestHeap::new(1 << 18);
    let map = Words::with_shards_in(shards, &*heap).unwrap();
    let mut model = HashMap::new();
    for op in ops {
        apply(op, &mut heap, &map, &mut model);
        assert_eq!(map.len().unwrap(), model.len(), "after {op:?}");
    }
    map.check().unwrap();
    let mut found = HashMap::new();
    map.for_each(|key, (value, said)| {
        assert_eq!(said.as_str().unwrap(), format!("{value:030}"));
        assert!(found.insert(key.to_string(), *value).is_none(), "{key} is there twice");
    })
    .unwrap();
    assert_eq!(found, model);
    drop(map);
    heap.assert_empty();
}

proptest! {
    #[test]
    fn one_shard_as_in_hash_map(ops in prop::collection::vec(op(), 0..200)) {
        run(1, &ops);
    }

    #[test]
    fn shards_as_in_hash_map(ops in prop::collection::vec(op(), 0..200)) {
        run(4, &ops);
    }
}

#[test]
fn grows_and_finds_all() {
    let heap = TestHeap::new(1 << 24);
    let map: ShmHashMap<u64, u64> = ShmHashMap::with_shards_in(4, &*heap).unwrap();
    for key in 0..100_000 {
        assert_eq!(map.insert(key, key * 3), Ok(None));
    }
    assert!((0..100_000).all(|key| map.get(&key) == Ok(Some(key * 3))));
    assert_eq!(map.get(&100_000), Ok(None));
    map.check().unwrap();
    // Removing and adding for ever does not grow the table.
    let capacity = map.capacity().unwrap();
    for key in 0..200_000 {
        assert_eq!(map.remove(&key), Ok(Some(key * 3)));
        assert_eq!(map.insert(key + 100_000, (key + 100_000) * 3), Ok(None));
    }
    // (Once, because a table that is almost full of entries has no room to
    // tidy up in.)
    assert!(map.capacity().unwrap() <= 2 * capacity);
    assert_eq!(map.len(), Ok(100_000));
    map.check().unwrap();
    drop(map);
    heap.assert_empty();
}

#[test]
fn room_that_was_reserved_is_there() {
    let heap = TestHeap::new(1 << 20);
    let map: ShmHashMap<u32, u32> = ShmHashMap::with_shards_in(1, &*heap).unwrap();
    map.reserve(1000).unwrap();
    assert!(map.capacity().unwrap() >= 1000);
    let before = heap.allocations();
    for key in 0..1000 {
        map.insert(key, 0).unwrap();
    }
    assert_eq!(heap.allocations(), before);
    assert!(matches!(map.reserve(usize::MAX), Err(ContainerError::Alloc(_))));
    assert_eq!(map.len(), Ok(1000));
}

#[test]
fn maps_nest() {
    let mut heap = TestHeap::new(1 << 18);
    type Index = ShmHashMap<ShmString, ShmVec<ShmHashMap<u32, ShmString>>>;
    let map = Index::with_shards_in(2, &*heap).unwrap();
    for word in ["alpha", "beta", "gamma"] {
        let list = ShmVec::new_in(&*heap);
        let inner = ShmHashMap::with_shards_in(1, &*heap).unwrap();
        inner.insert(7, ShmString::from_str_in(&word.repeat(10), &*heap).unwrap()).unwrap();
        map.upsert(word, |heap| ShmString::from_str_in(word, heap), list, |list| list.push(inner))
            .unwrap()
            .unwrap();
    }
    heap.relocate();
    let text = map.with("beta", |list| {
        let inner = list.get(0).unwrap().unwrap();
        inner.with(&7, |text| text.to_string()).unwrap().unwrap()
    });
    assert_eq!(text.unwrap().unwrap(), "beta".repeat(10));
    drop(map);
    heap.assert_empty();
}

#[test]
fn an_open_map_is_the_map() {
    let heap = TestHeap::new(1 << 20);
    let map = ShmHashMap::<u64, u64>::new_in(&*heap).unwrap();
    let open = map.open().unwrap();
    for number in 0..5000 {
        assert_eq!(open.insert(number, number).unwrap(), None);
    }
    assert_eq!(map.len(), Ok(5000));
    assert_eq!(map.get(&7), Ok(Some(7)));
    // The shards grew, and the map changes, under those that have it open.
    map.remove(&7).unwrap();
    assert_eq!(open.get(&7), Ok(None));
    assert_eq!(open.contains_key(&8), Ok(true));
    assert_eq!(open.update(&8, |value| core::mem::replace(value, 80)), Ok(Some(8)));
    assert_eq!(open.upsert(&7, |_| Ok(7), 70, |value| *value), Ok(70));
    assert_eq!(open.with(&8, |value| value + 1), Ok(Some(81)));
    assert_eq!(open.remove(&8), Ok(Some(80)));
    assert_eq!(open.remove_entry(&7), Ok(Some((7, 70))));
    assert_eq!(open.len(), Ok(4998));
    open.check().unwrap();
}

#[test]
fn an_open_map_looks_where_the_tables_are_now() {
    let heap = TestHeap::new(4 << 20);
    for shards in [1, 64, 256] {
        let map = ShmHashMap::<u64, u64>::with_shards_in(shards, &*heap).unwrap();
        let open = map.open().unwrap();
        // The tables grow, and become others, behind the back of who has seen them.
        for number in 0..10_000 {
            assert_eq!(open.get(&number), Ok(None));
            map.insert(number, number).unwrap();
            assert_eq!(open.get(&number), Ok(Some(number)));
            assert_eq!(open.get(&(number / 2)), Ok(Some(number / 2)));
        }
    }
    heap.assert_empty();
}

#[test]
fn open_maps_of_readers_follow_a_map_that_grows() {
    let heap = TestHeap::new(4 << 20);
    let map = ShmHashMap::<u64, u64>::with_shards_in(2, &*heap).unwrap();
    let written = AtomicU64::new(0);
    thread::scope(|scope| {
        let reader = || {
            let open = map.open().unwrap();
            while written.load(Ordering::Acquire) < 20_000 {
                let last = written.load(Ordering::Acquire);
                for number in last.saturating_sub(50)..last {
                    assert_eq!(open.get(&number), Ok(Some(number)));
                }
            }
        };
        scope.spawn(reader);
        scope.spawn(reader);
        for number in 0..20_000 {
            map.insert(number, number).unwrap();
            written.store(number + 1, Ordering::Release);
        }
    });
}

#[test]
fn threads_count_together() {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = 20_000;
    const WORDS: u64 = 300;
    let heap = TestHeap::new(1 << 20);
    let map: ShmHashMap<ShmString, u64> = ShmHashMap::with_shards_in(4, &*heap).unwrap();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let map = &map;
            scope.spawn(move || {
                common::play(100 + thread as u32);
                for round in 0..ROUNDS {
                    let word = format!("word {}", (round * 7 + thread) % WORDS);
                    let made = |heap: &dyn Allocator| ShmString::from_str_in(&word, heap);
                    map.upsert(word.as_str(), made, 0, |count| *count += 1).unwrap();
                }
            });
        }
    });
    let mut sum = 0;
    map.for_each(|_, count| sum += count).unwrap();
    assert_eq!((sum, map.len().unwrap() as u64), (THREADS * ROUNDS, WORDS));
    map.check().unwrap();
    assert_eq!(map.recoveries(), Ok(0));
    drop(map);
    heap.assert_empty();
}

#[test]
fn threads_insert_and_remove_each_their_own() {
    let heap = TestHeap::new(1 << 21);
    let map: ShmHashMap<u64, ShmString> = ShmHashMap::with_shards_in(2, &*heap).unwrap();
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (map, heap) = (&map, &heap);
            scope.spawn(move || {
                for round in 0..5_000_u64 {
                    let key = (round % 50) * 4 + thread;
                    let text = format!("the text of key {key} in round {round}");
                    let value = ShmString::from_str_in(&text, &**heap).unwrap();
                    map.insert(key, value).unwrap();
                    assert_eq!(map.with(&key, |found| *found == *text), Ok(Some(true)));
                    if round % 3 == 0 {
                        assert!(map.remove(&key).unwrap().unwrap() == *text);
                    }
                }
            });
        }
    });
    map.check().unwrap();
    drop(map);
    heap.assert_empty();
}

#[test]
fn a_panic_in_a_closure_releases_the_shard() {
    let heap = TestHeap::new(1 << 14);
    let map: ShmHashMap<u32, u32> = ShmHashMap::with_shards_in(1, &*heap).unwrap();
    map.insert(1, 1).unwrap();
    let panics: [&dyn Fn(); 4] = [
        &|| _ = map.with(&1, |_| panic!("read")),
        &|| _ = map.upsert(&1, |_| Ok(1), 0, |_| panic!("change")),
        &|| _ = map.upsert(&2, |_| panic!("key"), 0, |_| ()),
        &|| _ = map.retain(|_, _| panic!("keep")),
    ];
    for panics in panics {
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert_eq!(map.get(&1), Ok(Some(1)));
    }
    map.check().unwrap();
}

#[test]
fn a_failed_key_adds_nothing() {
    let heap = TestHeap::new(1 << 14);
    let map: ShmHashMap<ShmString, u32> = ShmHashMap::with_shards_in(1, &*heap).unwrap();
    let refused = map.upsert("x", |_| Err(ContainerError::Corrupt), 0, |_| ());
    assert_eq!(refused, Err(ContainerError::Corrupt));
    assert_eq!(map.is_empty(), Ok(true));
}

#[test]
fn an_unattached_heap_is_an_error_and_dropping_leaks() {
    let mut heap = TestHeap::new(1 << 14);
    let map: ShmHashMap<u32, u32> = ShmHashMap::with_shards_in(1, &*heap).unwrap();
    map.insert(1, 2).unwrap();
    heap.detach();
    let missing = ContainerError::NotAttached(heap.id());
    assert_eq!(map.get(&1), Err(missing));
    assert_eq!(map.insert(1, 1), Err(missing));
    assert_eq!(map.remove(&1), Err(missing));
    assert_eq!(map.len(), Err(missing));
    assert_eq!(map.for_each(|_, _| ()), Err(missing));
    assert_eq!(map.check(), Err(missing));
    assert_eq!(format!("{map:?}"), format!("<{missing}>"));
    assert!(ShmHashMap::<u32, u32>::new_in(&*heap).is_err());
    drop(map);
    heap.attach();
    assert_eq!((heap.live_blocks(), heap.bad_frees()), (2, 0));
}
