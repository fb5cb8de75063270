//! Maps.

use std::ops::Bound;

use anymem_core::container::{
    ContainerError, ShmBTreeMap, ShmHashMap, ShmSafe, ShmSlotMap, ShmString, ShmVec, SlotKey,
};

use super::{Hands, Item, LONG, Piece};
use crate::hostile::Slots;
use crate::hostile::input::Choices;

type Squares = ShmHashMap<u64, u64>;
type Ranks = ShmBTreeMap<ShmString, u64>;
type Words = ShmHashMap<ShmString, ShmVec<u32>>;
type Seats = ShmSlotMap<ShmString>;

pub(super) const ITEMS: &[&dyn Item] = &[
    &Piece { name: "squares", make: squares, handle: use_squares },
    &Piece { name: "ranks", make: ranks, handle: use_ranks },
    &Piece { name: "words", make: words, handle: use_words },
    &Piece { name: "seats", make: seats, handle: use_seats },
];

/// An empty map, the same in every process: a seed of its own would keep a
/// failure from being repeated.
pub(super) fn map<K: ShmSafe, V: ShmSafe>(
    heap: &Slots,
    shards: usize,
) -> Result<ShmHashMap<K, V>, ContainerError> {
    let mut map = ShmHashMap::with_shards_in(shards, heap)?;
    // SAFETY: nothing was hashed yet.
    unsafe { set_seed(&raw mut map) };
    Ok(map)
}

/// Lets a map hash as in every process.
///
/// # Safety
///
/// It is an empty hash map, or a set, which is nothing but one.
pub(super) unsafe fn set_seed<T>(map: *mut T) {
    // SAFETY: the seed is the second word of a map (`repr(C)`), and any number is
    // one.
    unsafe { map.cast::<u64>().add(1).write(1) };
}

fn squares(heap: &Slots) -> Result<Squares, ContainerError> {
    let map = map(heap, 4)?;
    (0..40).try_for_each(|n: u64| map.insert(n, n * n).map(|_| ()))?;
    Ok(map)
}

fn words(heap: &Slots) -> Result<Words, ContainerError> {
    let map = map(heap, 1)?;
    for word in ["a", "b", LONG] {
        let list = ShmVec::from_slice_in(&[1, 2, 3], heap)?;
        map.insert(ShmString::from_str_in(word, heap)?, list)?;
    }
    Ok(map)
}

/// Of two levels.
fn ranks(heap: &Slots) -> Result<Ranks, ContainerError> {
    let mut map = ShmBTreeMap::new_in(heap);
    for rank in 0..40 {
        map.insert(ShmString::from_str_in(&format!("{rank:02} {LONG}"), heap)?, rank)?;
    }
    Ok(map)
}

/// With some that are vacant.
fn seats(heap: &Slots) -> Result<Seats, ContainerError> {
    let mut map = ShmSlotMap::new_in(heap);
    for number in 0..12 {
        let key = map.insert(ShmString::from_str_in(LONG, heap)?)?;
        if number % 3 == 0 {
            map.remove(key)?;
        }
    }
    Ok(map)
}

fn use_squares(it: &mut Squares, hands: &mut Hands<'_, '_>) {
    let key = hands.below(60) as u64;
    let _ = match hands.below(24) {
        0..8 => it.get(&key).map(drop),
        8..14 => it.insert(key, key).map(drop),
        14..18 => it.remove(&key).map(drop),
        18 => it.upsert(&key, |_| Ok(key), 1, |n| *n = n.wrapping_add(1)),
        19 => it.retain(|_, n| *n % 5 != 0),
        20 => it.check().and(it.len().and(it.capacity()).map(drop)),
        21 => it.for_each(|_, _| hands.harm()),
        22 => it.reserve(hands.below(200)),
        _ => it.clear(),
    };
}

fn use_ranks(it: &mut Ranks, hands: &mut Hands<'_, '_>) {
    let word = format!("{:02} {LONG}", hands.below(60));
    let after = (Bound::Excluded(word.as_str()), Bound::Unbounded);
    let _ = match hands.below(24) {
        0..4 => it.get(word.as_str()).map(drop),
        4..10 => hands.text(&word).and_then(|key| it.insert(key, 1)).map(drop),
        10..15 => it.remove(word.as_str()).map(drop),
        15 => it.pop_first().and(it.pop_last()).map(drop),
        16 => it.range::<str>(after).map(|some| {
            some.for_each(|(key, _)| {
                hands.harm();
                let _ = key.check();
            });
        }),
        17 => it.range_mut::<str>(after).map(|some| some.rev().for_each(|(_, rank)| *rank ^= 1)),
        18 => it.iter().map(|all| {
            all.rev().for_each(|(key, _)| {
                hands.harm();
                let _ = key.check();
            });
        }),
        19 => it.retain(|key, rank| key.len() < 99 && *rank % 3 != 0),
        20 | 21 => it.check(),
        22 => it.split_off(word.as_str()).map(drop),
        _ => it.clear(),
    };
}

fn use_words(it: &mut Words, hands: &mut Hands<'_, '_>) {
    let word = hands.word();
    let _ = match hands.below(20) {
        0..4 => it.with(word, |all| all.as_slice().map(<[u32]>::len)).map(drop),
        4..9 => it.update(word, |all| all.push(9)).map(drop),
        9..13 => {
            let made = ShmVec::new_in(hands.heap);
            it.upsert(word, |heap| ShmString::from_str_in(word, heap), made, |all| all.push(1))
                .map(drop)
        }
        13..15 => it.remove(word).map(drop),
        15 => hands.text(word).and_then(|key| it.insert(key, ShmVec::new_in(hands.heap))).map(drop),
        16 => it.retain(|key, _| key.len() < 10),
        17 => it.for_each(|key, all| {
            hands.harm();
            let _ = (key.check(), all.check());
        }),
        18 => it.check(),
        _ => it.reserve(hands.below(100)),
    };
}

/// A key that was given out, or any other.
fn seat(it: &Seats, hands: &mut Hands<'_, '_>) -> SlotKey {
    let number = hands.below(16);
    match it.keys().ok().and_then(|mut keys| keys.nth(number)) {
        Some(key) if number < 14 => key,
        _ => SlotKey::from_bits(hands.input.bits() & 0xf_0000_000f),
    }
}

fn use_seats(it: &mut Seats, hands: &mut Hands<'_, '_>) {
    let key = seat(it, hands);
    let _ = match hands.below(16) {
        0..4 => hands.text(LONG).and_then(|text| it.insert(text)).map(drop),
        4..6 => it.get(key).map(drop),
        6..9 => it.remove(key).map(drop),
        9 => it.get_mut(key).and_then(|text| text.map_or(Ok(()), |text| text.push('x'))),
        10 => it.values_mut().map(|all| all.for_each(|text| _ = text.push_str("yz"))),
        11 => it.retain(|_, text| text.len() < 45),
        12 => it.check(),
        13 => it.reserve(hands.below(60)),
        14 => it.drain().map(|some| {
            hands.harm();
            some.take(3).for_each(drop);
        }),
        _ => it.clear(),
    };
    let _ = (it.len(), it.capacity(), it.contains_key(key));
}
