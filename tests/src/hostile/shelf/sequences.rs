//! Deques and lists.

use anymem_core::container::{ContainerError, ShmDeque, ShmList, ShmString};

use super::{Hands, Item, LONG, Piece, ignore};
use crate::hostile::Slots;

type Turns = ShmDeque<u32>;
type Lines = ShmDeque<ShmString>;
type Tasks = ShmList<ShmString>;

pub(super) const ITEMS: &[&dyn Item] = &[
    &Piece { name: "turns", make: turns, handle: use_turns },
    &Piece { name: "lines", make: lines, handle: use_lines },
    &Piece { name: "tasks", make: tasks, handle: use_tasks },
];

/// One that goes round the end of its ring.
fn turns(heap: &Slots) -> Result<Turns, ContainerError> {
    let mut all = ShmDeque::from_iter_in(0..12, heap)?;
    (0..4).try_for_each(|n| all.push_front(n))?;
    Ok(all)
}

fn words(heap: &Slots) -> impl Iterator<Item = Result<ShmString, ContainerError>> {
    ["one", LONG, "two", LONG, "three"].into_iter().map(|word| ShmString::from_str_in(word, heap))
}

fn lines(heap: &Slots) -> Result<Lines, ContainerError> {
    let mut all = ShmDeque::new_in(heap);
    words(heap).try_for_each(|word| all.push_front(word?))?;
    Ok(all)
}

fn tasks(heap: &Slots) -> Result<Tasks, ContainerError> {
    let mut all = ShmList::new_in(heap);
    words(heap).try_for_each(|word| all.push_back(word?))?;
    Ok(all)
}

fn use_turns(it: &mut Turns, hands: &mut Hands<'_, '_>) {
    let index = hands.below(24);
    let _ = match hands.below(18) {
        0 | 1 => it.push_back(7),
        2 | 3 => it.push_front(7),
        4 => it.pop_back().map(drop),
        5 => it.pop_front().map(drop),
        6 => it.insert(index, 7),
        7 => it.remove(index).map(drop),
        8 => it.retain(|n| *n % 3 != 0),
        9 => it.truncate(index),
        10 => it.reserve(hands.below(300)),
        11 => it.shrink_to_fit(),
        12 => it.make_contiguous().map(drop),
        13 => it.extend([7; 9]),
        14 => it.drain(index..).map(|some| {
            hands.harm();
            some.take(2).for_each(drop);
        }),
        15 => it.iter_mut().map(|all| all.rev().for_each(|n| *n = n.wrapping_mul(3))),
        16 => turns(hands.heap).and_then(|mut other| it.append(&mut other)),
        _ => it.as_slices().map(|(a, b)| ignore((a.iter().max(), b.iter().max()))),
    };
    let _ = (it.check(), it.get(index).ok().flatten().copied(), it.capacity(), it.len());
}

fn use_lines(it: &mut Lines, hands: &mut Hands<'_, '_>) {
    let index = hands.below(8);
    let _ = match hands.below(12) {
        0 => hands.text(LONG).and_then(|new| it.push_back(new)),
        1 => hands.text(LONG).and_then(|new| it.push_front(new)),
        2 => it.pop_back().map(drop),
        3 => it.pop_front().map(drop),
        4 => hands.text("x").and_then(|new| it.insert(index, new)),
        5 => it.remove(index).map(drop),
        6 => it.retain(|text| text.len() < 10),
        7 => it.drain(index..).map(|some| {
            hands.harm();
            some.rev().take(2).for_each(drop);
        }),
        8 => it.iter_mut().map(|all| all.take(8).for_each(|text| _ = text.push('x'))),
        9 => it.truncate(index),
        10 => it.shrink_to_fit(),
        _ => it.clear(),
    };
    let _ = (it.check(), it.front().map(|text| text.map(ShmString::check)));
}

fn use_tasks(it: &mut Tasks, hands: &mut Hands<'_, '_>) {
    let index = hands.below(8);
    let _ = match hands.below(16) {
        0 | 1 => hands.text(LONG).and_then(|new| it.push_back(new)),
        2 | 3 => hands.text("x").and_then(|new| it.push_front(new)),
        4 => it.pop_back().map(drop),
        5 => it.pop_front().map(drop),
        6 => it.retain(|text| text.len() < 10),
        7 => it.iter_mut().map(|all| {
            all.rev().for_each(|text| {
                hands.harm();
                let _ = text.push('x');
            });
        }),
        8 => it.iter().map(|all| {
            all.for_each(|text| {
                hands.harm();
                let _ = text.check();
            });
        }),
        9 => it.split_off(index).map(drop),
        10 => tasks(hands.heap).and_then(|mut other| it.append(&mut other)),
        11 => it.clear(),
        _ => walk(it, hands),
    };
    let _ = (it.check(), it.len(), it.back().map(|text| text.map(ShmString::check)));
}

/// Changes a list in its middle.
fn walk(it: &mut Tasks, hands: &mut Hands<'_, '_>) -> Result<(), ContainerError> {
    let other = tasks(hands.heap)?;
    let mut cursor =
        if hands.below(2) == 0 { it.cursor_front_mut() } else { it.cursor_back_mut() }?;
    for _ in 0..hands.below(6) {
        hands.harm();
        match hands.below(8) {
            0 | 1 => cursor.move_next()?,
            2 | 3 => cursor.move_prev()?,
            4 => cursor.insert_before(hands.text(LONG)?)?,
            5 => cursor.insert_after(hands.text("x")?)?,
            6 => ignore(cursor.remove_current()?),
            _ => ignore((cursor.peek_next()?.map(|text| text.check()), cursor.index())),
        }
    }
    match hands.below(4) {
        0 => cursor.splice_before(other),
        1 => cursor.splice_after(other),
        2 => cursor.split_before().map(drop),
        _ => cursor.split_after().map(drop),
    }
}
