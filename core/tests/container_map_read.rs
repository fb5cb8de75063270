//! Reading a `ShmHashMap` while others have its locks, and change it.
#![cfg(feature = "containers")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anymem_core::container::{ContainerError, ShmHashMap, ShmString};
use anymem_core::offset::AllocatorId;
use common::TestHeap;
use common::bare::bare_heap;

fn text(number: u64) -> String {
    format!("a text that is too long to stand in place, with number {number}")
}

/// Who has the lock reads himself: with a lock he would wait for himself.
#[test]
fn readers_wait_for_nobody() {
    let heap = TestHeap::new(1 << 16);
    let map = ShmHashMap::<u64, [u64; 3]>::with_shards_in(1, &*heap).unwrap();
    let names = ShmHashMap::<ShmString, u64>::with_shards_in(1, &*heap).unwrap();
    let words = ShmHashMap::<u64, ShmString>::with_shards_in(1, &*heap).unwrap();
    let make = |number: u64| ShmString::from_str_in(&text(number), &*heap).unwrap();
    for number in 0..5 {
        assert_eq!(map.insert(number, [number; 3]), Ok(None));
        assert_eq!(names.insert(make(number), number), Ok(None));
        assert!(words.insert(number, make(number)).unwrap().is_none());
    }
    let read = || {
        let mut buffer = [0; 100];
        assert_eq!((map.len(), map.get(&1), map.get(&9)), (Ok(5), Ok(Some([1; 3])), Ok(None)));
        assert_eq!(map.with(&2, |value| value[1]), Ok(Some(2)));
        assert_eq!((map.contains_key(&3), map.contains_key(&7)), (Ok(true), Ok(false)));
        assert_eq!((names.get(text(4).as_str()), names.get("none")), (Ok(Some(4)), Ok(None)));
        assert_eq!(names.contains_key(text(0).as_str()), Ok(true));
        assert_eq!(words.contains_key(&4), Ok(true));
        assert_eq!(words.get_str(&2, &mut buffer), Ok(Some(text(2).as_str())));
        assert_eq!(words.get_str(&9, &mut buffer), Ok(None));
    };
    read();
    map.update(&1, |_| names.update(text(1).as_str(), |_| read())).unwrap().unwrap().unwrap();
    words.drain(|_, _| ()).unwrap();
    words.extend((0..5).map(|number| (number, make(number)))).unwrap();
    map.retain(|_, _| {
        read();
        true
    })
    .unwrap();
    // A value that is changed where it stands can be told from others that are
    // there.
    words.update(&1, |_| assert_eq!(words.contains_key(&2), Ok(true))).unwrap();
    read();
}

#[test]
fn a_buffer_that_is_too_short_is_an_error_that_says_how_long_the_text_is() {
    let heap = TestHeap::new(1 << 16);
    let words = ShmHashMap::<u64, ShmString>::new_in(&*heap).unwrap();
    for (number, text) in ["short", &text(1)].iter().enumerate() {
        words.insert(number as u64, ShmString::from_str_in(text, &*heap).unwrap()).unwrap();
        let mut buffer = vec![0; text.len()];
        assert_eq!(words.get_str(&(number as u64), &mut buffer), Ok(Some(*text)));
        let error = ContainerError::OutOfBounds { index: text.len(), len: 3 };
        assert_eq!(words.get_str(&(number as u64), &mut buffer[..3]), Err(error));
    }
}

/// Runs `readers` in threads until `write` is done.
fn while_writing(readers: [&(dyn Fn() + Sync); 2], write: impl FnOnce()) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for read in readers {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    read();
                }
                read();
            });
        }
        write();
        done.store(true, Ordering::Release);
    });
}

#[test]
fn readers_see_whole_values_of_keys_that_stay() {
    let heap = TestHeap::new(1 << 20);
    let map = ShmHashMap::<u64, [u64; 5]>::with_shards_in(1, &*heap).unwrap();
    (0..8).for_each(|key| _ = map.insert(key, [key; 5]).unwrap());
    let read = || {
        for key in 0..8 {
            let value = map.get(&key).unwrap().expect("it stays");
            assert!(value.iter().all(|word| *word == value[0]) && value[0] % 8 == key, "{value:?}");
        }
        for key in 100..140 {
            let value = map.get(&key).unwrap();
            assert!(value.is_none_or(|value| value == [key; 5]), "{key}: {value:?}");
        }
    };
    while_writing([&read, &read], || {
        for round in 0..300_u64 {
            (100..140).for_each(|key| _ = map.insert(key, [key; 5]).unwrap());
            (0..8).for_each(|key| {
                map.update(&key, |value| *value = [value[0] + 8; 5]).unwrap().expect("it stays");
                assert!(map.insert(key, [round * 8 + key; 5]).unwrap().is_some());
            });
            (100..140).for_each(|key| _ = map.remove(&key).unwrap());
            if round % 50 == 0 {
                map.retain(|_, value| *value != [0; 5] || round < 300).unwrap();
                map.reserve(round as usize * 10).unwrap();
            }
        }
    });
    map.check().unwrap();
    assert_eq!(map.len(), Ok(8));
}

#[test]
fn readers_see_whole_texts_of_keys_that_stay() {
    let heap = TestHeap::new(1 << 20);
    let words = ShmHashMap::<ShmString, ShmString>::with_shards_in(1, &*heap).unwrap();
    let make = |number| ShmString::from_str_in(&text(number), &*heap).unwrap();
    (0..4).for_each(|key| assert!(words.insert(make(key), make(key)).unwrap().is_none()));
    let read = || {
        let mut buffer = [0; 100];
        for key in 0..4 {
            let found = words.get_str(text(key).as_str(), &mut buffer).unwrap();
            let found = found.expect("it stays").rsplit(' ').next().unwrap();
            assert_eq!(found.parse::<u64>().unwrap() % 4, key);
        }
        assert_eq!(words.get_str("no such key", &mut buffer), Ok(None));
    };
    while_writing([&read, &read], || {
        for round in 0..200 {
            (10..20).for_each(|key| drop(words.insert(make(key), make(key)).unwrap()));
            (0..4).for_each(|key| drop(words.insert(make(key), make(round * 4 + key)).unwrap()));
            (10..20).for_each(|key| drop(words.remove(text(key).as_str()).unwrap()));
        }
    });
    words.check().unwrap();
    assert_eq!(words.len(), Ok(4));
}

/// There was no end to the wait.
#[test]
fn a_lock_that_is_kept_by_the_living_is_not_waited_for_without_end() {
    let heap = bare_heap(AllocatorId::new(901, 1));
    let map = ShmHashMap::<u64, u64>::with_shards_in(1, heap).unwrap();
    map.insert(1, 10).unwrap();
    let is_busy = |result| matches!(result, Err(ContainerError::Busy(Some(_))));
    let entry = map.entry(1).unwrap();
    assert!(is_busy(map.insert(2, 20).map(drop)));
    assert!(is_busy(map.remove(&1).map(drop)));
    assert!(is_busy(map.check()));
    assert_eq!(map.get(&1), Ok(Some(10)));
    drop(entry);
    assert_eq!((map.insert(2, 20), map.check()), (Ok(None), Ok(())));
}
