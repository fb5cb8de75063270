//! `ShmSlotMap` against a map from keys:
//!
//! - any sequence of calls gives what the model gives, also where allocations
//!   fail at any point, and where the heap changes its address in between;
//! - a key that was removed never finds anything again;
//! - every value is dropped once, every block freed once.
#![cfg(feature = "derive")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::collections::BTreeMap;

use anymem_core::allocator::Allocator;
use anymem_core::container::{ContainerError, ShmSlotMap, ShmString, SlotKey, Trace};
use common::TestHeap;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Op {
    Insert(u32),
    Remove(usize),
    Change(usize),
    Retain(u32),
    Drain(usize),
    Clear,
    Reserve(usize),
    Relocate,
    FailAfter(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => any::<u32>().prop_map(Op::Insert),
        5 => any::<usize>().prop_map(Op::Remove),
        2 => any::<usize>().prop_map(Op::Change),
        1 => (2..5_u32).prop_map(Op::Retain),
        1 => (0..4_usize).prop_map(Op::Drain),
        1 => Just(Op::Clear),
        1 => (0..30_usize).prop_map(Op::Reserve),
        1 => Just(Op::Relocate),
        2 => (0..3_usize).prop_map(Op::FailAfter),
    ]
}

/// Whether a call was done; a failed allocation is the only excuse.
fn done<R>(result: Result<R, ContainerError>) -> Option<R> {
    match result {
        Ok(value) => Some(value),
        Err(ContainerError::Alloc(_)) => None,
        Err(other) => panic!("{other}"),
    }
}

fn number(text: &ShmString) -> u32 {
    text.as_str().unwrap().parse().unwrap()
}

/// A text that needs a block, which is freed once or the heap tells.
fn text(value: u32, heap: &TestHeap) -> Option<ShmString> {
    done(ShmString::from_str_in(&format!("{value:040}"), &**heap))
}

#[derive(Default)]
struct Model {
    values: BTreeMap<SlotKey, u32>,
    /// All keys that there have been.
    keys: Vec<SlotKey>,
}

impl Model {
    fn key(&self, choice: usize) -> SlotKey {
        if self.keys.is_empty() { SlotKey::NULL } else { self.keys[choice % self.keys.len()] }
    }
}

fn apply(op: &Op, heap: &mut TestHeap, map: &mut ShmSlotMap<ShmString>, model: &mut Model) {
    match op {
        Op::Insert(value) => {
            if let Some(key) = text(*value, heap).and_then(|made| done(map.insert(made))) {
                assert!(!model.keys.contains(&key), "a key for the second time");
                model.keys.push(key);
                model.values.insert(key, *value);
            }
        }
        Op::Remove(choice) => {
            let key = model.key(*choice);
            let removed = map.remove(key).unwrap().map(|it| number(&it));
            assert_eq!(removed, model.values.remove(&key));
        }
        Op::Change(choice) => {
            let (key, new) = (model.key(*choice), text(7, heap));
            let (Some(value), Some(new)) = (map.get_mut(key).unwrap(), new) else { return };
            *value = new;
            model.values.insert(key, 7);
        }
        Op::Retain(divisor) => {
            map.retain(|_, it| !number(it).is_multiple_of(*divisor)).unwrap();
            model.values.retain(|_, value| *value % divisor != 0);
        }
        Op::Drain(taken) => {
            let mut drain = map.drain().unwrap();
            for _ in 0..*taken {
                assert_eq!(drain.len(), model.values.len());
                let Some((key, value)) = drain.next() else { break };
                assert_eq!(model.values.remove(&key), Some(number(&value)));
            }
            drop(drain);
            model.values.clear();
        }
        Op::Clear => {
            map.clear().unwrap();
            model.values.clear();
        }
        Op::Reserve(more) => {
            if done(map.reserve(*more)).is_some() {
                assert!(map.capacity() >= map.len() + more);
            }
        }
        Op::Relocate => heap.relocate(),
        Op::FailAfter(n) => heap.fail_after(*n),
    }
}

proptest! {
    #[test]
    fn as_the_model(ops in prop::collection::vec(op(), 0..60)) {
        let mut heap = TestHeap::new(1 << 16);
        let mut model = Model::default();
        let mut map = ShmSlotMap::new_in(&*heap as &dyn Allocator);
        for op in &ops {
            apply(op, &mut heap, &mut map, &mut model);
            map.check().unwrap();
            for &key in &model.keys {
                let found = map.get(key).unwrap().map(number);
                prop_assert_eq!(found, model.values.get(&key).copied(), "{:?} after {:?}", key, op);
            }
            let mut found: Vec<_> = map.iter().unwrap().map(|(key, it)| (key, number(it))).collect();
            found.sort_unstable();
            prop_assert!(found.iter().copied().eq(model.values.iter().map(|(k, v)| (*k, *v))));
            prop_assert_eq!((map.len(), map.iter().unwrap().len()), (found.len(), found.len()));
        }
        drop(map);
        heap.assert_empty();
    }
}

#[test]
fn places_are_used_again() {
    let heap = TestHeap::new(1 << 12);
    let mut map = ShmSlotMap::with_capacity_in(4, &*heap).unwrap();
    let mut keys: Vec<_> = (0..4_u64).map(|n| map.insert(n).unwrap()).collect();
    for n in 4..100 {
        assert_eq!(map.remove(keys.remove(0)).unwrap(), Some(n - 4));
        keys.push(map.insert(n).unwrap());
    }
    assert_eq!((map.capacity(), heap.allocations()), (4, 1));
    map.values_mut().unwrap().for_each(|n| *n -= 96);
    assert_eq!(map.values().unwrap().sum::<u64>(), 6);
    assert_eq!(map.keys().unwrap().count(), 4);
    let key = SlotKey::from_bits(keys[0].to_bits());
    assert_eq!((key, map.contains_key(key)), (keys[0], Ok(true)));
    assert_eq!(map.get(SlotKey::NULL), Ok(None));
}

/// Bytes of a place of numbers: version, next vacant place, number.
const PLACE: usize = 16;

/// The heap's first block.
const PLACES: usize = 64;

#[test]
fn a_place_that_was_used_too_often_is_not_used_again() {
    let mut heap = TestHeap::new(1 << 12);
    let mut map = ShmSlotMap::new_in(&*heap);
    map.insert(7_u64).unwrap();
    heap.bytes()[PLACES..][..4].copy_from_slice(&u32::MAX.to_ne_bytes());
    let last = SlotKey::from_bits(u64::from(u32::MAX) << 32);
    assert_eq!(map.remove(last), Ok(Some(7)));
    let key = map.insert(8).unwrap();
    assert_eq!(key, SlotKey::from_bits(1 << 32 | 1));
    map.check().unwrap();
    assert_eq!(map.len(), 1);
}

/// What a process leaves that died while a value came or went, by hand.
#[test]
fn a_death_between_is_put_right_by_the_next_change() {
    const CHANGING: usize = 1 << (usize::BITS - 1);
    let mut heap = TestHeap::new(1 << 12);
    for settles in [true, false] {
        let mut map = ShmSlotMap::new_in(&*heap);
        let keys = [1_u64, 2, 3].map(|n| map.insert(n).unwrap());
        let words = (&raw mut map).cast::<u8>();
        let at = size_of::<ShmSlotMap<u64>>() - 2 * size_of::<usize>();
        // SAFETY: the length is the last word but one; any bits are some.
        unsafe { words.add(at).cast::<usize>().write(CHANGING | 3) };
        // The second value was just taken out.
        let place = heap.bytes()[PLACES + PLACE..].as_mut_ptr();
        // SAFETY: the version of the second place.
        unsafe { place.cast::<u32>().write(2) };
        assert_eq!((map.len(), map.get(keys[1])), (2, Ok(None)));
        assert_eq!(map.iter().unwrap().count(), 2);
        if settles {
            map.settle(1);
        }
        let key = map.insert(4).unwrap();
        assert_eq!(key.to_bits() as u32, 1, "the place is vacant");
        map.check().unwrap();
        assert_eq!((map.len(), map.get(keys[1])), (3, Ok(None)));
    }
}
