//! Vectors and strings.

use std::mem::replace;

use anymem_core::container::{ContainerError, ShmBox, ShmSmallVec, ShmString, ShmVec};

use super::{Hands, Item, LONG, Piece, ignore};
use crate::hostile::Slots;

type Numbers = ShmVec<u64>;
type Texts = ShmBox<ShmVec<ShmString>>;
type Few = ShmSmallVec<u32, 6>;

pub(super) const ITEMS: &[&dyn Item] = &[
    &Piece { name: "numbers", make: numbers, handle: use_numbers },
    &Piece { name: "text", make: |heap| text(heap, LONG), handle: use_text },
    &Piece { name: "short", make: |heap| text(heap, "short"), handle: use_text },
    &Piece { name: "texts", make: texts, handle: use_texts },
    &Piece { name: "few", make: |heap| few(heap, 4), handle: use_few },
    &Piece { name: "not so few", make: |heap| few(heap, 9), handle: use_few },
];

fn numbers(heap: &Slots) -> Result<Numbers, ContainerError> {
    ShmVec::from_slice_in(&(0..20).collect::<Vec<_>>(), heap)
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

fn few(heap: &Slots, count: u32) -> Result<Few, ContainerError> {
    ShmSmallVec::from_iter_in(0..count, heap)
}

fn use_numbers(it: &mut Numbers, hands: &mut Hands<'_, '_>) {
    let index = hands.below(40);
    let _ = match hands.below(14) {
        0 | 1 => it.push(7),
        2 => it.insert(index, 7),
        3 => it.remove(index).map(drop),
        4 => it.swap_remove(index).map(drop),
        5 => it.pop().map(drop),
        6 => it.reserve(hands.below(3000)),
        7 => it.shrink_to_fit(),
        8 => it.retain(|n| *n % 3 != 0),
        9 => it.truncate(index),
        10 => it.extend_from_slice(&[7; 20]),
        11 => it.drain(index..).map(|some| {
            hands.harm();
            some.take(3).for_each(drop);
        }),
        12 => it.splice(..index.min(3), [7; 5]).map(|some| {
            hands.harm();
            drop(some);
        }),
        _ => it.as_mut_slice().map(|all| all.iter_mut().for_each(|n| *n = n.wrapping_mul(3))),
    };
    let _ = (it.check(), it.get(index).ok().flatten().copied(), it.capacity(), it.len());
}

fn use_text(it: &mut ShmString, hands: &mut Hands<'_, '_>) {
    let index = hands.below(50);
    let _ = match hands.below(9) {
        0 => it.push('\u{1f980}'),
        1 => it.push_str(LONG),
        2 => it.insert_str(index, "and"),
        3 => it.pop().map(drop),
        4 => it.truncate(index),
        5 => it.reserve(hands.below(3000)),
        6 => it.shrink_to_fit(),
        7 => it.retain(|letter| letter != 'a'),
        _ => it.try_clone().map(|new| ignore(replace(it, new))),
    };
    let _ = (it.check(), it.as_str().map(|text| text.chars().count()), it.capacity(), it.len());
}

fn use_texts(it: &mut Texts, hands: &mut Hands<'_, '_>) {
    let index = hands.below(6);
    let Ok(all) = it.get_mut() else { return };
    let _ = match hands.below(6) {
        0 => hands.text(LONG).and_then(|new| all.push(new)),
        1 => all.remove(index).map(drop),
        2 => all.truncate(index),
        3 => hands.text("x").and_then(|new| all.insert(index, new)),
        4 => all.retain(|text| text.len() < 10),
        _ => all.as_mut_slice().map(|all| {
            all.iter_mut().take(8).for_each(|text| use_text(text, hands));
        }),
    };
    let _ = it.check();
}

fn use_few(it: &mut Few, hands: &mut Hands<'_, '_>) {
    let index = hands.below(12);
    let _ = match hands.below(12) {
        0 | 1 => it.push(7),
        2 => it.insert(index, 7),
        3 => it.remove(index).map(drop),
        4 => it.pop().map(drop),
        5 => it.reserve(hands.below(300)),
        6 => it.shrink_to_fit(),
        7 => it.retain(|n| *n % 3 != 0),
        8 => it.truncate(index),
        9 => it.extend_from_slice(&[7; 5]),
        10 => it.drain(index..).map(|some| {
            hands.harm();
            some.take(2).for_each(drop);
        }),
        _ => it.as_mut_slice().map(|all| all.iter_mut().for_each(|n| *n ^= 1)),
    };
    let _ = (it.check(), it.get(index).ok().flatten().copied(), it.capacity(), it.len());
}
