//! `ShmBTreeMap` and `ShmBTreeSet` against `std`'s:
//!
//! - any sequence of calls gives what `std` gives, also where allocations fail at
//!   any point, and where the heap changes its address in between;
//! - every key and value is dropped once, every block freed once;
//! - `Ord` may panic or contradict itself: nothing dangles.
#![cfg(feature = "derive")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anymem_core::container::btree::Entry;
use anymem_core::container::{
    ContainerError, ShmBTreeMap, ShmBTreeSet, ShmMutex, ShmSafe, ShmString, ShmVec,
};
use anymem_core::offset::AllocatorId;
use common::TestHeap;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Op {
    Insert(u16, u32),
    InsertMany(u16, u16),
    Remove(u16),
    RemoveMany(u16, u16),
    Entry(u16, u32),
    Change(u16),
    PopFirst,
    PopLast,
    Retain(u32),
    SplitOff(u16),
    Clear,
    Relocate,
    FailAfter(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let key = || 0..400_u16;
    prop_oneof![
        8 => (key(), any::<u32>()).prop_map(|(key, value)| Op::Insert(key, value)),
        4 => (key(), 0..150_u16).prop_map(|(key, count)| Op::InsertMany(key, count)),
        6 => key().prop_map(Op::Remove),
        3 => (key(), 0..150_u16).prop_map(|(key, count)| Op::RemoveMany(key, count)),
        3 => (key(), any::<u32>()).prop_map(|(key, value)| Op::Entry(key, value)),
        2 => key().prop_map(Op::Change),
        2 => Just(Op::PopFirst),
        2 => Just(Op::PopLast),
        1 => (2..5_u32).prop_map(Op::Retain),
        1 => key().prop_map(Op::SplitOff),
        1 => Just(Op::Clear),
        1 => Just(Op::Relocate),
        2 => (0..4_usize).prop_map(Op::FailAfter),
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

/// Keys in the order of their numbers; short ones stand in place, others in a block.
fn name(key: u16) -> String {
    format!("{key:03}{}", if key % 2 == 0 { "" } else { " and a rather long key" })
}

type Map = ShmBTreeMap<ShmString, ShmVec<u32>>;
type Model = BTreeMap<String, Vec<u32>>;

fn insert(heap: &TestHeap, map: &mut Map, model: &mut Model, key: u16, value: u32) {
    let Some(made) = done(ShmString::from_str_in(&name(key), &**heap)) else { return };
    let Some(list) = done(ShmVec::from_slice_in(&[value], &**heap)) else { return };
    if let Some(before) = done(map.insert(made, list)) {
        let expected = model.insert(name(key), vec![value]);
        assert_eq!(before.map(|it| it.as_slice().unwrap().to_vec()), expected);
    }
}

fn remove(map: &mut Map, model: &mut Model, key: u16) {
    let gone = map.remove(&*name(key)).unwrap();
    assert_eq!(gone.map(|it| it.as_slice().unwrap().to_vec()), model.remove(&name(key)));
}

fn same(got: Option<(ShmString, ShmVec<u32>)>, expected: Option<(String, Vec<u32>)>) {
    let got = got.map(|(key, value)| (key.to_string(), value.as_slice().unwrap().to_vec()));
    assert_eq!(got, expected);
}

fn apply(op: &Op, heap: &mut TestHeap, map: &mut Map, model: &mut Model) {
    match *op {
        Op::Insert(key, value) => insert(heap, map, model, key, value),
        Op::InsertMany(first, count) => {
            (0..count).for_each(|key| insert(heap, map, model, first + key, 1));
        }
        Op::Remove(key) => remove(map, model, key),
        Op::RemoveMany(first, count) => {
            (0..count).for_each(|key| remove(map, model, first + key));
        }
        Op::Entry(key, value) => {
            let Some(made) = done(ShmString::from_str_in(&name(key), &**heap)) else { return };
            let make = || ShmVec::from_slice_in(&[value], &**heap);
            let entry = map.entry(made).unwrap();
            assert_eq!(*entry.key(), *name(key));
            if let Some(list) = done(entry.or_try_insert_with(make)) {
                let expected = model.entry(name(key)).or_insert_with(|| vec![value]);
                assert_eq!(list.as_slice().unwrap(), expected);
            }
        }
        Op::Change(key) => {
            let Some(list) = map.get_mut(&*name(key)).unwrap() else { return };
            if done(list.push(7)).is_some() {
                model.get_mut(&name(key)).unwrap().push(7);
            }
        }
        Op::PopFirst => same(map.pop_first().unwrap(), model.pop_first()),
        Op::PopLast => same(map.pop_last().unwrap(), model.pop_last()),
        Op::Retain(divisor) => {
            map.retain(|_, list| list.as_slice().unwrap()[0] % divisor != 0).unwrap();
            model.retain(|_, list| list[0] % divisor != 0);
        }
        Op::SplitOff(key) => {
            heap.never_fail();
            let (mut rest, mut expected) =
                (map.split_off(&*name(key)).unwrap(), model.split_off(&name(key)));
            assert_same(&rest, &expected);
            map.append(&mut rest).unwrap();
            model.append(&mut expected);
            assert!(rest.is_empty());
        }
        Op::Clear => {
            map.clear().unwrap();
            model.clear();
        }
        Op::Relocate => heap.relocate(),
        Op::FailAfter(n) => heap.fail_after(n),
    }
}

fn assert_same(map: &Map, model: &Model) {
    map.check().unwrap();
    assert_eq!(map.len(), model.len());
    let pair = |(key, value): (&ShmString, &ShmVec<u32>)| {
        (key.to_string(), value.as_slice().unwrap().to_vec())
    };
    let expected = || model.iter().map(|(key, value)| (key.clone(), value.clone()));
    assert!(map.iter().unwrap().map(pair).eq(expected()));
    assert!(map.iter().unwrap().rev().map(pair).eq(expected().rev()));
    assert_eq!(map.first_key_value().unwrap().map(pair), expected().next());
    assert_eq!(map.last_key_value().unwrap().map(pair), expected().next_back());
}

proptest! {
    #[test]
    fn like_std(ops in prop::collection::vec(op(), 1..80)) {
        let mut heap = TestHeap::new(1 << 20);
        let (mut map, mut model) = (Map::new_in(&*heap), Model::new());
        for op in &ops {
            apply(op, &mut heap, &mut map, &mut model);
            assert_same(&map, &model);
        }
        heap.never_fail();
        drop(map);
        heap.assert_empty();
    }

    #[test]
    fn ranges_like_std(
        keys in prop::collection::btree_set(0..300_u16, 0..250),
        (from, to) in (0..300_u16, 0..300_u16),
        (open_from, open_to) in (any::<bool>(), any::<bool>()),
        front in prop::collection::vec(any::<bool>(), 0..300),
    ) {
        let heap = TestHeap::new(1 << 17);
        let mut map = ShmBTreeMap::from_iter_in(keys.iter().map(|&key| (key, 0_u8)), &*heap).unwrap();
        let model: BTreeMap<u16, u8> = keys.iter().map(|&key| (key, 0)).collect();
        let bound = |key, open| if open { Bound::Excluded(key) } else { Bound::Included(key) };
        let range = (bound(from, open_from), bound(to, open_to));
        let has_any = from < to || from == to && !(open_from || open_to);
        let mut expected = has_any.then(|| model.range(range)).into_iter().flatten();
        let mut got = map.range(range).unwrap();
        for from_front in front {
            let (one, two) = if from_front {
                (got.next(), expected.next())
            } else {
                (got.next_back(), expected.next_back())
            };
            prop_assert_eq!(one, two);
        }
        for (key, value) in map.range_mut(range).unwrap() {
            prop_assert!(*key >= from && *key <= to);
            *value += 1;
        }
        let changed = map.values().unwrap().filter(|&&value| value == 1).count();
        let inside = has_any.then(|| model.range(range).count()).unwrap_or(0);
        prop_assert_eq!(changed, inside);
        prop_assert_eq!(map.range(to..).unwrap().count(), model.range(to..).count());
        prop_assert_eq!(map.range(..=to).unwrap().count(), model.range(..=to).count());
        prop_assert_eq!(map.range::<u16>(..).unwrap().count(), model.len());
    }

    #[test]
    fn sets_like_std(
        one in prop::collection::btree_set(0..100_u32, 0..80),
        two in prop::collection::btree_set(0..100_u32, 0..80),
    ) {
        let heap = TestHeap::new(1 << 16);
        let make = |set: &BTreeSet<u32>| ShmBTreeSet::from_iter_in(set.iter().copied(), &*heap);
        let (mine, theirs) = (make(&one).unwrap(), make(&two).unwrap());
        assert!(mine.union(&theirs).unwrap().eq(one.union(&two)));
        assert!(mine.intersection(&theirs).unwrap().eq(one.intersection(&two)));
        assert!(mine.difference(&theirs).unwrap().eq(one.difference(&two)));
        assert!(mine.symmetric_difference(&theirs).unwrap().eq(one.symmetric_difference(&two)));
        prop_assert_eq!(mine.is_subset(&theirs).unwrap(), one.is_subset(&two));
        prop_assert_eq!(mine.is_superset(&theirs).unwrap(), one.is_superset(&two));
        prop_assert_eq!(mine.is_disjoint(&theirs).unwrap(), one.is_disjoint(&two));
        prop_assert_eq!(mine.cmp(&theirs), one.cmp(&two));
        prop_assert_eq!(mine == theirs, one == two);
        prop_assert_eq!(format!("{mine:?}"), format!("{one:?}"));
        prop_assert!(mine.range(30..60).unwrap().eq(one.range(30..60)));
        prop_assert!(mine.into_iter().rev().eq(one.into_iter().rev()));
    }

    /// `Ord` answers as a list of numbers says, and panics at 0: whatever it says,
    /// what goes in comes out once.
    #[test]
    fn senseless_orders(answers in prop::collection::vec(0..20_u8, 1..60)) {
        let heap = TestHeap::new(1 << 18);
        let mut map = ShmBTreeMap::<Fickle, ShmString>::new_in(&*heap);
        ANSWERS.with(|it| it.replace(answers));
        for round in 0..150_u32 {
            let value = ShmString::from_str_in(&"a value in a block".repeat(2), &*heap).unwrap();
            let _ = catch_unwind(AssertUnwindSafe(|| match round % 5 {
                0..=2 => drop(map.insert(Fickle(round), value).unwrap()),
                3 => drop(map.remove(&Fickle(round)).unwrap()),
                _ => map.range_mut(Fickle(round)..).unwrap().for_each(|(_, value)| {
                    value.clear().unwrap();
                }),
            }));
            map.check().unwrap();
        }
        let _ = catch_unwind(AssertUnwindSafe(|| map.retain(|key, _| key.0 % 3 != 0)));
        map.check().unwrap();
        prop_assert_eq!(map.len(), map.iter().unwrap().count());
        drop(map);
        heap.assert_empty();
    }
}

thread_local! {
    static ANSWERS: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

/// A key whose order is made up.
#[derive(Debug, PartialEq, Eq, ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
struct Fickle(u32);

impl PartialOrd for Fickle {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fickle {
    fn cmp(&self, other: &Self) -> Ordering {
        let asked = ASKED.replace(ASKED.get() + 1);
        match ANSWERS.with_borrow(|answers| answers[asked % answers.len()]) {
            0 => std::panic::resume_unwind(Box::new("no order")),
            1..3 => Ordering::Less,
            3..5 => Ordering::Greater,
            5 => Ordering::Equal,
            _ => self.0.cmp(&other.0),
        }
    }
}

#[test]
fn entries_are_changed_in_place() {
    let heap = TestHeap::new(1 << 14);
    let mut map = ShmBTreeMap::<u32, u64>::new_in(&*heap);
    for word in [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5] {
        *map.entry(word).unwrap().or_default().unwrap() += 1;
    }
    let _ = map.entry(9).unwrap().and_modify(|count| *count += 10).or_insert(0).unwrap();
    assert_eq!(format!("{map:?}"), "{1: 2, 2: 1, 3: 2, 4: 1, 5: 3, 6: 1, 9: 11}");
    let Entry::Occupied(mut entry) = map.entry(5).unwrap() else { panic!("5 was counted") };
    assert_eq!((*entry.key(), *entry.get(), entry.insert(8).unwrap()), (5, 3, 3));
    assert_eq!(entry.remove().unwrap(), 8);
    let Entry::Vacant(entry) = map.entry(5).unwrap() else { panic!("5 is gone") };
    assert_eq!(entry.into_key(), 5);
    *map.first_entry().unwrap().unwrap().get_mut() = 7;
    assert_eq!(map.last_entry().unwrap().unwrap().remove_entry().unwrap(), (9, 11));
    assert!(map.keys().unwrap().eq(&[1, 2, 3, 4, 6]));
    assert!(map.values().unwrap().eq(&[7, 1, 2, 1, 1]));
    map.values_mut().unwrap().for_each(|count| *count = 0);
    assert_eq!(map.iter_mut().unwrap().len(), 5);
    assert!(map.into_iter().map(|(_, count)| count).eq([0; 5]));
    heap.assert_empty();
}

#[test]
fn text_is_sought_without_a_string() {
    let heap = TestHeap::new(1 << 14);
    let texts = ["pear", "apple", "quince"].map(|it| ShmString::from_str_in(it, &*heap).unwrap());
    let mut set = ShmBTreeSet::from_iter_in(texts, &*heap).unwrap();
    assert!(set.contains("apple").unwrap() && !set.contains("plum").unwrap());
    let after: Vec<_> =
        set.range::<str>((Bound::Excluded("apple"), Bound::Unbounded)).unwrap().collect();
    assert_eq!(format!("{after:?}"), r#"["pear", "quince"]"#);
    assert_eq!(set.take("pear").unwrap().unwrap(), "pear");
    assert_eq!(set.get("quince").unwrap().unwrap(), "quince");
    assert_eq!(
        (set.first().unwrap().unwrap(), set.len()),
        (&ShmString::from_str_in("apple", &*heap).unwrap(), 2)
    );
}

#[test]
fn maps_nest_and_move() {
    let mut heap = TestHeap::new(1 << 16);
    let mut outer = ShmBTreeMap::<u32, ShmBTreeMap<u32, ShmString>>::new_in(&*heap);
    for number in 0..200 {
        let inner = || Ok(ShmBTreeMap::new_in(&*heap));
        let inner = outer.entry(number % 7).unwrap().or_try_insert_with(inner).unwrap();
        inner
            .insert(number, ShmString::from_str_in(&name(number as u16), &*heap).unwrap())
            .unwrap();
    }
    heap.relocate();
    let locked = ShmMutex::new_in(outer, &*heap);
    let mut guard = locked.lock().unwrap();
    assert_eq!(*guard.get(&3).unwrap().unwrap().get(&66).unwrap().unwrap(), *name(66));
    assert_eq!(guard.remove(&3).unwrap().unwrap().len(), 29);
    assert_eq!(guard.values().unwrap().map(ShmBTreeMap::len).sum::<usize>(), 171);
    drop(guard);
    drop(locked);
    heap.assert_empty();
}

#[test]
fn without_its_heap_it_says_so() {
    let id = AllocatorId::new(77, 3);
    let mut map = ShmBTreeMap::<u32, u32>::with_heap_id(id);
    assert_eq!(map.get(&1), Err(ContainerError::NotAttached(id)));
    assert_eq!(map.insert(1, 2), Err(ContainerError::NotAttached(id)));
    assert_eq!(format!("{map:?}"), format!("<{}>", ContainerError::NotAttached(id)));
    assert_eq!(map.iter().err(), Some(ContainerError::NotAttached(id)));
    assert!(map.is_empty());
}
