//! The containers of a hostile heap, found by the names of its roots.

use std::mem::replace;
use std::ops::Bound;
use std::ptr::NonNull;

use anymem_core::allocator::Allocator;
use anymem_core::container::{
    ContainerError, ShmBTreeMap, ShmBox, ShmHashMap, ShmSafe, ShmString, ShmVec, type_tag,
};
use anymem_core::offset::Offset;
use anymem_core::thread::Context;

use super::input::Choices;
use super::{Slots, resolve};

type Numbers = ShmVec<u64>;
type Texts = ShmBox<ShmVec<ShmString>>;
type Squares = ShmHashMap<u64, u64>;
type Ranks = ShmBTreeMap<ShmString, u64>;
type Words = ShmHashMap<ShmString, ShmVec<u32>>;

/// The roots, which are as many as there are kinds of containers.
pub(super) const NAMES: [&str; 7] =
    ["numbers", "text", "short", "texts", "squares", "ranks", "words"];

const LONG: &str = "a text that is too long to stand in place";

/// Puts containers into a heap and names them; where their values are, with
/// their sizes.
pub(super) fn fill(heap: &Slots) -> Result<Vec<(Offset, usize)>, ContainerError> {
    Ok(vec![
        put(heap, "numbers", numbers(heap, 20)?),
        put(heap, "text", text(heap, LONG)?),
        put(heap, "short", text(heap, "short")?),
        put(heap, "texts", texts(heap)?),
        put(heap, "squares", squares(heap)?),
        put(heap, "ranks", ranks(heap)?),
        put(heap, "words", words(heap)?),
    ])
}

fn numbers(heap: &Slots, count: u64) -> Result<Numbers, ContainerError> {
    ShmVec::from_slice_in(&(0..count).collect::<Vec<_>>(), heap)
}

fn text(heap: &Slots, text: &str) -> Result<ShmString, ContainerError> {
    ShmString::from_str_in(text, heap)
}

fn texts(heap: &Slots) -> Result<Texts, ContainerError> {
    let mut all = ShmVec::new_in(heap);
    for word in ["one", LONG, "", LONG] {
        all.push(text(heap, word)?)?;
    }
    ShmBox::new_in(all, heap)
}

/// An empty map, the same in every process: a seed of its own would keep a
/// failure from being repeated.
fn map<K: ShmSafe, V: ShmSafe>(
    heap: &Slots,
    shards: usize,
) -> Result<ShmHashMap<K, V>, ContainerError> {
    let mut map = ShmHashMap::with_shards_in(shards, heap)?;
    let seed = (&raw mut map).cast::<u64>().wrapping_add(1);
    // SAFETY: the seed is the second word of a map (`repr(C)`), any number is
    // one, and nothing was hashed yet.
    unsafe { seed.write(1) };
    Ok(map)
}

fn squares(heap: &Slots) -> Result<Squares, ContainerError> {
    let map = map(heap, 4)?;
    (0..40).try_for_each(|n: u64| map.insert(n, n * n).map(|_| ()))?;
    Ok(map)
}

fn words(heap: &Slots) -> Result<Words, ContainerError> {
    let map = map(heap, 1)?;
    for word in ["a", "b", LONG] {
        map.insert(text(heap, word)?, ShmVec::from_slice_in(&[1, 2, 3], heap)?)?;
    }
    Ok(map)
}

/// Of two levels.
fn ranks(heap: &Slots) -> Result<Ranks, ContainerError> {
    let mut map = ShmBTreeMap::new_in(heap);
    for rank in 0..40 {
        map.insert(text(heap, &format!("{rank:02} {LONG}"))?, rank)?;
    }
    Ok(map)
}

fn put<T: ShmSafe>(heap: &Slots, name: &str, value: T) -> (Offset, usize) {
    let place = heap
        .allocate_ptr(Context::DEFAULT, std::alloc::Layout::new::<T>())
        .expect("room for a container");
    // SAFETY: a block of its own, as large and aligned as the value.
    unsafe { place.ptr.cast::<T>().write(value) };
    let at = place.shm.ptr.offset();
    // SAFETY: the value was just written and stays there.
    unsafe { heap.roots().bind(name, &type_tag::<T>(), at) }.expect("room for a root");
    (at, size_of::<T>())
}

/// The container that `name` names, if it still is of that type.
fn find<T: ShmSafe>(heap: &Slots, name: &str) -> Option<NonNull<T>> {
    resolve::<T>(heap, heap.roots().find(name, &type_tag::<T>()).ok()?)
}

/// Does something with one of the containers; what it answers is not looked
/// at.
pub(super) fn call(choices: &mut impl Choices, heap: &Slots) {
    let name = NAMES[choices.below(NAMES.len())];
    // SAFETY: inside the heap and aligned (`find`). Nobody else has a reference
    // to it, and any bits are a value of these types.
    unsafe {
        match name {
            "numbers" => find(heap, name).map(|mut it| use_numbers(choices, heap, it.as_mut())),
            "text" | "short" => find(heap, name).map(|mut it| use_text(choices, heap, it.as_mut())),
            "texts" => find(heap, name).map(|mut it| use_texts(choices, heap, it.as_mut())),
            "squares" => find(heap, name).map(|mut it| use_squares(choices, heap, it.as_mut())),
            "ranks" => find(heap, name).map(|mut it| use_ranks(choices, heap, it.as_mut())),
            _ => find(heap, name).map(|mut it| use_words(choices, heap, it.as_mut())),
        }
    };
}

fn use_numbers(choices: &mut impl Choices, heap: &Slots, it: &mut Numbers) {
    let index = choices.below(40);
    let _ = match choices.below(13) {
        0 | 1 => it.push(7),
        2 => it.insert(index, 7),
        3 => it.remove(index).map(drop),
        4 => it.swap_remove(index).map(drop),
        5 => it.pop().map(drop),
        6 => it.reserve(choices.below(3000)),
        7 => it.shrink_to_fit(),
        8 => it.retain(|n| *n % 3 != 0),
        9 => it.truncate(index),
        10 => it.extend_from_slice(&[7; 20]),
        11 => it.as_mut_slice().map(|all| all.iter_mut().for_each(|n| *n = n.wrapping_mul(3))),
        _ => numbers(heap, 20).map(|new| drop(replace(it, new))),
    };
    let _ = (it.check(), it.get(index).ok().flatten().copied(), it.capacity(), it.len());
}

fn use_text(choices: &mut impl Choices, heap: &Slots, it: &mut ShmString) {
    let index = choices.below(50);
    let _ = match choices.below(9) {
        0 => it.push('\u{1f980}'),
        1 => it.push_str(LONG),
        2 => it.insert_str(index, "and"),
        3 => it.pop().map(drop),
        4 => it.truncate(index),
        5 => it.reserve(choices.below(3000)),
        6 => it.shrink_to_fit(),
        7 => it.try_clone().map(|new| drop(replace(it, new))),
        _ => text(heap, LONG).map(|new| drop(replace(it, new))),
    };
    let _ = (it.check(), it.as_str().map(|text| text.chars().count()), it.capacity(), it.len());
}

fn use_texts(choices: &mut impl Choices, heap: &Slots, it: &mut Texts) {
    if choices.below(16) == 0 {
        let _ = texts(heap).map(|new| drop(replace(it, new)));
    }
    let index = choices.below(6);
    let Ok(all) = it.get_mut() else { return };
    let _ = match choices.below(6) {
        0 => text(heap, LONG).and_then(|new| all.push(new)),
        1 => all.remove(index).map(drop),
        2 => all.truncate(index),
        3 => text(heap, "x").and_then(|new| all.insert(index, new)),
        4 => all.retain(|text| text.len() < 10),
        _ => all.as_mut_slice().map(|all| {
            all.iter_mut().take(8).for_each(|text| use_text(choices, heap, text));
        }),
    };
    let _ = it.check();
}

fn use_squares(choices: &mut impl Choices, heap: &Slots, it: &mut Squares) {
    let key = choices.below(60) as u64;
    let _ = match choices.below(24) {
        0..8 => it.get(&key).map(drop),
        8..14 => it.insert(key, key).map(drop),
        14..18 => it.remove(&key).map(drop),
        18 => it.upsert(&key, |_| Ok(key), 1, |n| *n = n.wrapping_add(1)),
        19 => it.retain(|_, n| *n % 5 != 0),
        20 => it.check().and(it.len().and(it.capacity()).map(drop)),
        21 => it.for_each(|_, _| {}),
        22 => it.reserve(choices.below(200)),
        _ if choices.below(2) == 0 => it.clear(),
        _ => squares(heap).map(|new| drop(replace(it, new))),
    };
}

fn use_ranks(choices: &mut impl Choices, heap: &Slots, it: &mut Ranks) {
    let word = format!("{:02} {LONG}", choices.below(60));
    let after = (Bound::Excluded(word.as_str()), Bound::Unbounded);
    let _ = match choices.below(24) {
        0..4 => it.get(word.as_str()).map(drop),
        4..10 => text(heap, &word).and_then(|key| it.insert(key, 1)).map(drop),
        10..15 => it.remove(word.as_str()).map(drop),
        15 => it.pop_first().and(it.pop_last()).map(drop),
        16 => it.range::<str>(after).map(|some| some.for_each(|(key, _)| _ = key.check())),
        17 => it.range_mut::<str>(after).map(|some| some.rev().for_each(|(_, rank)| *rank ^= 1)),
        18 => it.iter().map(|all| all.rev().for_each(|(key, _)| _ = key.check())),
        19 => it.retain(|key, rank| key.len() < 99 && *rank % 3 != 0),
        20 => it.check(),
        21 => it.split_off(word.as_str()).map(drop),
        _ if choices.below(2) == 0 => it.clear(),
        _ => ranks(heap).map(|new| drop(replace(it, new))),
    };
}

fn use_words(choices: &mut impl Choices, heap: &Slots, it: &mut Words) {
    let word = ["a", "b", LONG, "new", "other", ""][choices.below(6)];
    let _ = match choices.below(20) {
        0..4 => it.with(word, |all| all.as_slice().map(<[u32]>::len)).map(drop),
        4..9 => it.update(word, |all| all.push(9)).map(drop),
        9..13 => {
            let made = ShmVec::new_in(heap);
            it.upsert(word, |heap| ShmString::from_str_in(word, heap), made, |all| all.push(1))
                .map(drop)
        }
        13..15 => it.remove(word).map(drop),
        15 => text(heap, word).and_then(|key| it.insert(key, ShmVec::new_in(heap))).map(drop),
        16 => it.retain(|key, _| key.len() < 10),
        17 => it.for_each(|key, all| {
            let _ = (key.check(), all.check());
        }),
        18 => it.check().and(it.reserve(choices.below(100))),
        _ => words(heap).map(|new| drop(replace(it, new))),
    };
}
