//! Sets.

use std::ops::Bound;

use anymem_core::container::{ContainerError, ShmBTreeSet, ShmHashSet, ShmString};

use super::maps::set_seed;
use super::{Hands, Item, LONG, Piece, ignore};
use crate::hostile::Slots;

type Names = ShmHashSet<ShmString>;
type Marks = ShmBTreeSet<u64>;

pub(super) const ITEMS: &[&dyn Item] = &[
    &Piece { name: "names", make: names, handle: use_names },
    &Piece { name: "marks", make: marks, handle: use_marks },
];

fn names(heap: &Slots) -> Result<Names, ContainerError> {
    let mut set = ShmHashSet::with_shards_in(2, heap)?;
    // SAFETY: an empty set.
    unsafe { set_seed(&raw mut set) };
    for name in ["a", "b", LONG] {
        set.insert(ShmString::from_str_in(name, heap)?)?;
    }
    Ok(set)
}

/// Of two levels.
fn marks(heap: &Slots) -> Result<Marks, ContainerError> {
    ShmBTreeSet::from_iter_in((0..40).map(|n| n * 3), heap)
}

fn use_names(it: &mut Names, hands: &mut Hands<'_, '_>) {
    let word = hands.word();
    let _ = match hands.below(16) {
        0..4 => hands.text(word).and_then(|name| it.insert(name)).map(drop),
        4..6 => it.contains(word).map(drop),
        6..8 => it.remove(word).map(drop),
        8 => it.take(word).map(drop),
        9 => it.retain(|name| name.len() < 10),
        10 => it.for_each(|name| {
            hands.harm();
            let _ = name.check();
        }),
        11 => it.drain(|name| ignore((name.check(), name))),
        12 => it.reserve(hands.below(60)),
        13 => it.check().and(it.len().and(it.capacity()).map(drop)),
        14 => names(hands.heap).and_then(|other| {
            it.for_each_in_either(&other, |_| {})?;
            it.is_subset(&other).and(other.is_disjoint(it)).map(drop)
        }),
        _ => it.clear(),
    };
}

fn use_marks(it: &mut Marks, hands: &mut Hands<'_, '_>) {
    let mark = hands.below(150) as u64;
    let after = (Bound::Excluded(&mark), Bound::Unbounded);
    let _ = match hands.below(18) {
        0..4 => it.insert(mark).map(drop),
        4 => it.contains(&mark).map(drop),
        5..8 => it.remove(&mark).map(drop),
        8 => it.pop_first().and(it.pop_last()).map(drop),
        9 => it.range(after).map(|some| some.rev().for_each(|_| hands.harm())),
        10 => it.iter().map(|all| all.for_each(|_| hands.harm())),
        11 => it.retain(|mark| mark % 5 != 0),
        12 => it.split_off(&mark).map(drop),
        13 => marks(hands.heap).and_then(|mut other| it.append(&mut other)),
        14 => marks(hands.heap).and_then(|other| {
            let both = it.union(&other)?.count() + it.intersection(&other)?.count();
            let one = it.symmetric_difference(&other)?.count() + it.difference(&other)?.count();
            it.is_subset(&other).map(|is| ignore((both, one, is)))
        }),
        15 | 16 => it.check(),
        _ => it.clear(),
    };
    let _ = (it.len(), it.first().map(|mark| mark.copied()));
}
