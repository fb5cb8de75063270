//! Containers to JSON and back into a heap.
#![cfg(feature = "serde")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::collections::BTreeMap;

use anymem_core::allocator::Allocator;
use anymem_core::container::{
    DeserializeIn, ShmArc, ShmBTreeMap, ShmBTreeSet, ShmBox, ShmDeque, ShmHashMap, ShmHashSet,
    ShmList, ShmMutex, ShmRwLock, ShmSlotMap, ShmSmallVec, ShmString, ShmVec, SlotKey, in_heap,
};
use common::TestHeap;
use proptest::prelude::*;
use serde::de::DeserializeSeed;

fn read<T: for<'de> DeserializeIn<'de>>(json: &str, heap: &TestHeap) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let value = in_heap(&**heap).deserialize(&mut reader)?;
    reader.end().map(|()| value)
}

/// Reads a value, and writes what was read.
fn again<T: for<'de> DeserializeIn<'de> + serde::Serialize>(json: &str) -> String {
    let heap = TestHeap::new(1 << 16);
    let value: T = read(json, &heap).unwrap();
    let written = serde_json::to_string(&value).unwrap();
    drop(value);
    heap.assert_empty();
    written
}

proptest! {
    #[test]
    fn nested_containers_come_back(
        model in prop::collection::btree_map(
            "\\PC{0,40}",
            prop::collection::vec((any::<u64>(), prop::option::of(any::<i32>())), 0..20),
            0..30,
        ),
    ) {
        type Map = ShmBTreeMap<ShmString, ShmVec<(u64, Option<ShmBox<i32>>)>>;
        type Unordered = ShmHashMap<ShmString, ShmVec<(u64, Option<ShmBox<i32>>)>>;
        let json = serde_json::to_string(&model).unwrap();
        prop_assert_eq!(again::<Map>(&json), json.as_str());
        let unordered: BTreeMap<String, Vec<(u64, Option<i32>)>> =
            serde_json::from_str(&again::<Unordered>(&json)).unwrap();
        prop_assert_eq!(unordered, model);
    }

    #[test]
    fn what_cannot_be_read_leaves_nothing(cut in 0..60_usize, fail in 0..12_usize) {
        let json = r#"{"a":[[1,"a text that takes a block of its own"],[2,""]],"b":[[3,"x"]]}"#;
        let heap = TestHeap::new(1 << 16);
        heap.fail_after(fail);
        type Map = ShmBTreeMap<ShmString, ShmVec<(u64, ShmString)>>;
        prop_assert!(read::<Map>(&json[..cut], &heap).is_err());
        let _ = read::<Map>(json, &heap);
        heap.never_fail();
        prop_assert_eq!(read::<Map>(json, &heap).unwrap().len(), 2);
        heap.assert_empty();
    }
}

#[test]
fn each_kind_comes_back() {
    assert_eq!(again::<ShmBTreeSet<i8>>("[3,-1,2,3]"), "[-1,2,3]");
    assert_eq!(again::<ShmBox<ShmString>>(r#""text""#), r#""text""#);
    assert_eq!(again::<ShmMutex<ShmVec<bool>>>("[true,false]"), "[true,false]");
    assert_eq!(again::<ShmRwLock<(char, f64)>>(r#"["x",1.5]"#), r#"["x",1.5]"#);
    assert_eq!(again::<ShmVec<[ShmString; 2]>>(r#"[["a","b"]]"#), r#"[["a","b"]]"#);
    assert_eq!(again::<ShmVec<Option<ShmBox<u8>>>>("[null,7]"), "[null,7]");
    assert_eq!(again::<ShmDeque<ShmString>>(r#"["a","b"]"#), r#"["a","b"]"#);
    assert_eq!(again::<ShmList<ShmDeque<u8>>>("[[1,2],[]]"), "[[1,2],[]]");
    assert_eq!(again::<ShmSmallVec<u8, 2>>("[1,2]"), "[1,2]");
    assert_eq!(again::<ShmSmallVec<ShmString, 1>>(r#"["a","b"]"#), r#"["a","b"]"#);
    assert_eq!(again::<ShmArc<ShmVec<u8>>>("[1,2]"), "[1,2]");
    assert_eq!(again::<ShmVec<Option<ShmArc<u8>>>>("[null,7]"), "[null,7]");
    let mut unordered: Vec<u8> =
        serde_json::from_str(&again::<ShmHashSet<u8>>("[3,1,2,3]")).unwrap();
    unordered.sort_unstable();
    assert_eq!(unordered, [1, 2, 3]);
}

#[test]
fn keys_of_a_slot_map_come_back() {
    let heap = TestHeap::new(1 << 16);
    let mut map = ShmSlotMap::new_in(&*heap);
    let texts = ["a", "b", "c", "d", "e"];
    let text = |text: &str| ShmString::from_str_in(text, &*heap).unwrap();
    let mut keys: Vec<_> = texts.map(|it| map.insert(text(it)).unwrap()).into();
    [1, 3, 4].iter().for_each(|&gone| drop(map.remove(keys[gone]).unwrap()));
    keys.push(map.insert(text("f")).unwrap());
    let found = |map: &ShmSlotMap<ShmString>, key| {
        map.get(key).unwrap().map(|text| text.as_str().unwrap().to_owned())
    };
    let json = serde_json::to_string(&(&map, &keys)).unwrap();
    let mut copy: (ShmSlotMap<ShmString>, ShmVec<SlotKey>) = read(&json, &heap).unwrap();
    assert_eq!((copy.0.len(), copy.0.check()), (3, Ok(())));
    assert_eq!(copy.1.as_slice().unwrap(), keys);
    for &key in &keys {
        assert_eq!(found(&copy.0, key), found(&map, key));
    }
    // Old keys find nothing of what comes to the same places.
    let new = [0; 4].map(|_| copy.0.insert(text("new")).unwrap());
    assert!(new.iter().all(|key| !keys.contains(key)));
    assert_eq!((copy.0.len(), copy.0.check()), (7, Ok(())));
    for wrong in ["[[1,null]]", r#"[[2,"a"]]"#, r#"[[0,"a"]]"#, "[1]", "{}"] {
        assert!(read::<ShmSlotMap<ShmString>>(wrong, &heap).is_err(), "{wrong}");
    }
    drop((map, copy));
    heap.assert_empty();
}

#[test]
fn errors_say_what_was_expected() {
    let heap = TestHeap::new(1 << 12);
    let error = |result: serde_json::Error| result.to_string();
    assert!(error(read::<ShmVec<u8>>("{}", &heap).unwrap_err()).contains("expected a sequence"));
    assert!(error(read::<ShmString>("1", &heap).unwrap_err()).contains("expected text"));
    let short = read::<(u8, ShmString)>("[1]", &heap).unwrap_err();
    assert!(error(short).contains("expected a tuple of 2"));
    let short = read::<[u8; 3]>("[1]", &heap).unwrap_err();
    assert!(error(short).contains("expected an array of 3"));
    heap.fail_after(0);
    let full = error(read::<ShmBox<u8>>("1", &heap).unwrap_err());
    assert!(full.contains("no room"), "{full}");
    assert_eq!(heap.live_blocks(), 0);
    let unknown = anymem_core::offset::AllocatorId::new(u32::MAX, 9);
    let seed = anymem_core::container::In::<ShmBox<u8>>::with_heap_id(unknown);
    let missing = seed.deserialize(&mut serde_json::Deserializer::from_str("1")).unwrap_err();
    assert!(error(missing).contains("not attached"));
    assert_ne!(heap.id(), unknown);
}
