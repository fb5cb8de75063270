//! `ShmHashSet` against `HashSet`, and entries of `ShmHashMap`.
#![cfg(feature = "containers")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::collections::{HashMap, HashSet};

use anymem_core::container::hash_map::Entry;
use anymem_core::container::{ContainerError, ShmHashMap, ShmHashSet, ShmString};
use common::TestHeap;
use proptest::prelude::*;

fn collected(each: impl FnOnce(&mut dyn FnMut(&u16)) -> Result<(), ContainerError>) -> Vec<u16> {
    let mut found = Vec::new();
    each(&mut |value| found.push(*value)).unwrap();
    found.sort_unstable();
    found
}

fn sorted<'a>(values: impl Iterator<Item = &'a u16>) -> Vec<u16> {
    let mut values: Vec<_> = values.copied().collect();
    values.sort_unstable();
    values
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn two_sets_as_hash_sets(
        a in prop::collection::hash_set(0..60_u16, 0..40),
        b in prop::collection::hash_set(0..60_u16, 0..40),
        removed in prop::collection::vec(0..60_u16, 0..20),
    ) {
        let heap = TestHeap::new(1 << 18);
        let mut a = a;
        let left = ShmHashSet::with_shards_in(2, &*heap).unwrap();
        for value in &a {
            assert_eq!((left.insert(*value), left.insert(*value)), (Ok(true), Ok(false)));
        }
        for value in &removed {
            assert_eq!(left.remove(value), Ok(a.remove(value)));
        }
        let right = ShmHashSet::from_iter_in(b.iter().copied(), &*heap).unwrap();
        assert_eq!((left.len(), left.is_empty()), (Ok(a.len()), Ok(a.is_empty())));
        assert!((0..60).all(|value| left.contains(&value) == Ok(a.contains(&value))));
        let both = collected(|visit| left.for_each_in_both(&right, visit));
        assert_eq!(both, sorted(a.intersection(&b)));
        let either = collected(|visit| left.for_each_in_either(&right, visit));
        assert_eq!(either, sorted(a.union(&b)));
        let rest = collected(|visit| left.for_each_not_in(&right, visit));
        assert_eq!(rest, sorted(a.difference(&b)));
        assert_eq!(left.is_subset(&right), Ok(a.is_subset(&b)));
        assert_eq!(left.is_disjoint(&right), Ok(a.is_disjoint(&b)));
        left.retain(|value| value % 3 == 0).unwrap();
        a.retain(|value| value % 3 == 0);
        left.check().unwrap();
        let mut drained = HashSet::new();
        left.drain(|value| assert!(drained.insert(value))).unwrap();
        assert_eq!(drained, a);
        assert_eq!((left.len(), left.check()), (Ok(0), Ok(())));
        drop((left, right));
        heap.assert_empty();
    }

    /// Values that are larger than a word move when they are changed.
    #[test]
    fn entries_as_in_hash_map(ops in prop::collection::vec((0..6_u8, 0..30_u16, any::<u64>()), 0..300)) {
        let heap = TestHeap::new(1 << 18);
        let map = ShmHashMap::<u16, [u64; 3]>::with_shards_in(1, &*heap).unwrap();
        let mut model = HashMap::<u16, [u64; 3]>::new();
        for (op, key, number) in ops {
            let (value, entry) = ([number; 3], || map.entry(key).unwrap());
            match op {
                0 => {
                    entry().or_insert(value).unwrap().update(|it| it[1] ^= 1).unwrap();
                    model.entry(key).or_insert(value)[1] ^= 1;
                }
                1 => {
                    let entry = entry().and_modify(|it| it[0] ^= number).unwrap();
                    assert_eq!(entry.key(), Ok(&key));
                    drop(entry);
                    model.entry(key).and_modify(|it| it[0] ^= number);
                }
                2 => match entry() {
                    Entry::Occupied(mut entry) => {
                        assert_eq!(entry.insert(value).ok(), model.insert(key, value));
                        assert_eq!(entry.get(), Ok(&value));
                    }
                    Entry::Vacant(entry) => assert_eq!(entry.into_key(), key),
                },
                3 => match entry() {
                    Entry::Occupied(entry) => assert_eq!(entry.remove().ok(), model.remove(&key)),
                    Entry::Vacant(_) => assert!(!model.contains_key(&key)),
                },
                4 => {
                    let found = map.get_or_insert_with(key, |_| Ok(value));
                    assert_eq!(found, Ok(*model.entry(key).or_insert(value)));
                }
                _ => {
                    let keep = |key: &u16, it: &mut [u64; 3]| {
                        it[2] = it[2].wrapping_add(number);
                        u64::from(*key) % 7 != number % 7
                    };
                    let mut visited = HashSet::new();
                    map.retain(|key, it| {
                        assert!(visited.insert(*key), "{key} was visited twice");
                        keep(key, it)
                    })
                    .unwrap();
                    model.retain(|key, it| keep(key, it));
                }
            }
            assert_eq!(map.get(&key), Ok(model.get(&key).copied()));
            assert_eq!((map.len(), map.check()), (Ok(model.len()), Ok(())));
        }
        let mut found = HashMap::new();
        map.drain(|key, value| assert!(found.insert(key, value).is_none())).unwrap();
        assert_eq!(found, model);
    }
}

#[test]
fn sets_of_texts_are_searched_by_text() {
    let heap = TestHeap::new(1 << 16);
    let text = |text| ShmString::from_str_in(text, &*heap).unwrap();
    let long = "words that are too many to stand in place";
    let set = ShmHashSet::from_iter_in(["short", long].map(text), &*heap).unwrap();
    assert_eq!((set.contains(long), set.contains("shorter")), (Ok(true), Ok(false)));
    assert_eq!(set.take(long).unwrap(), Some(text(long)));
    assert_eq!((set.remove(long), set.remove("short")), (Ok(false), Ok(true)));
    drop(set);
    heap.assert_empty();
}

#[test]
fn a_map_is_built_of_pairs() {
    let heap = TestHeap::new(1 << 16);
    let map = ShmHashMap::from_iter_in((0..50_u32).map(|key| (key % 40, key)), &*heap).unwrap();
    assert_eq!((map.len(), map.get(&5), map.get(&39)), (Ok(40), Ok(Some(45)), Ok(Some(39))));
}
