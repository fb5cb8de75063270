//! Values that several handles share, and views.

use anymem_core::container::{ContainerError, ShmArc, ShmBox, ShmSlice, ShmVec, ShmWeak};

use super::{Hands, Item, Piece, ignore};
use crate::hostile::Slots;

type Shared = ShmVec<u64>;
type Handles = (ShmVec<ShmArc<Shared>>, ShmVec<ShmWeak<Shared>>);
type Links = ShmVec<(Option<ShmArc<Shared>>, Option<ShmBox<u64>>)>;
type View = (ShmVec<u64>, ShmSlice<u64>);

pub(super) const ITEMS: &[&dyn Item] = &[
    &Piece { name: "one", make: |heap| one(heap), handle: use_one },
    &Piece { name: "handles", make: handles, handle: use_handles },
    &Piece { name: "links", make: links, handle: use_links },
    &Piece { name: "view", make: view, handle: use_view },
];

fn one(heap: &Slots) -> Result<ShmArc<Shared>, ContainerError> {
    ShmArc::new_in(ShmVec::from_slice_in(&[1, 2, 3], heap)?, heap)
}

fn handles(heap: &Slots) -> Result<Handles, ContainerError> {
    let (mut strong, mut weak) = (ShmVec::new_in(heap), ShmVec::new_in(heap));
    for _ in 0..2 {
        let first = one(heap)?;
        strong.push(first.try_clone()?)?;
        weak.push(first.downgrade()?)?;
        strong.push(first)?;
    }
    Ok((strong, weak))
}

fn links(heap: &Slots) -> Result<Links, ContainerError> {
    let end = one(heap)?;
    let mut all = ShmVec::new_in(heap);
    all.push((None, Some(ShmBox::new_in(7, heap)?)))?;
    all.push((Some(end.try_clone()?), None))?;
    all.push((Some(end), None))?;
    Ok(all)
}

fn view(heap: &Slots) -> Result<View, ContainerError> {
    let values = ShmVec::from_slice_in(&[1, 2, 3, 4], heap)?;
    let view = ShmSlice::of(values.as_slice()?, heap).map_err(|_| ContainerError::Corrupt)?;
    Ok((values, view))
}

fn use_one(it: &mut ShmArc<Shared>, hands: &mut Hands<'_, '_>) {
    let _ = match hands.below(8) {
        0 => it.get().and_then(|all| all.as_slice()).map(drop),
        1 => it.get_mut().and_then(|all| all.map_or(Ok(()), |all| all.push(7))),
        2 => it.try_clone().map(|other| {
            hands.harm();
            drop(other);
        }),
        3 => it.downgrade().map(|weak| {
            hands.harm();
            let _ = (weak.upgrade().map(drop), weak.check(), weak.weak_count());
        }),
        4 => it.try_clone().and_then(ShmArc::into_inner).map(drop),
        5 => one(hands.heap).map(|new| {
            let old = it.replace(new);
            hands.harm();
            ignore(old.try_unwrap().map(drop).map_err(drop));
        }),
        6 => cyclic(hands),
        _ => it.check(),
    };
    let _ = (it.strong_count(), it.weak_count());
}

/// A value that comes to be with a handle to itself.
fn cyclic(hands: &mut Hands<'_, '_>) -> Result<(), ContainerError> {
    let heap = hands.heap;
    let made = ShmArc::new_cyclic_in(heap, |this: &ShmWeak<ShmVec<u64>>| {
        hands.harm();
        this.upgrade().map(drop)?;
        ShmVec::from_slice_in(&[1], heap)
    });
    made.map(drop)
}

fn use_handles((strong, weak): &mut Handles, hands: &mut Hands<'_, '_>) {
    let index = hands.below(6);
    let _ = match hands.below(8) {
        0 => {
            strong.get(index).and_then(|it| it.map(ShmArc::try_clone).transpose()).and_then(|it| {
                hands.harm();
                it.map_or(Ok(()), |it| strong.push(it))
            })
        }
        1 => weak
            .get(index)
            .and_then(|it| it.map(ShmWeak::upgrade).transpose())
            .and_then(|it| it.flatten().map_or(Ok(()), |it| strong.push(it))),
        2 => strong
            .get(index)
            .and_then(|it| it.map(ShmArc::downgrade).transpose())
            .and_then(|it| it.map_or(Ok(()), |it| weak.push(it))),
        3 => strong.remove(index).map(|it| {
            hands.harm();
            drop(it);
        }),
        4 => weak.remove(index).map(drop),
        5 => strong.get_mut(index).and_then(|it| it.map_or(Ok(()), |it| it.get_mut().map(drop))),
        6 => strong.clear(),
        _ => strong.iter().map(|all| all.for_each(|it| ignore((it.check(), it.strong_count())))),
    };
}

fn use_links(it: &mut Links, hands: &mut Hands<'_, '_>) {
    let index = hands.below(5);
    let Ok(Some((shared, owned))) = it.get_mut(index) else {
        let _ = it.push((None, None));
        return;
    };
    match hands.below(8) {
        0 => ignore(shared.take().map(|it| it.into_inner())),
        1 => ignore(owned.take().map(ShmBox::into_inner)),
        2 => *shared = one(hands.heap).ok(),
        3 => *owned = ShmBox::new_in(1, hands.heap).ok(),
        4 => ignore(shared.take().map(ShmArc::try_unwrap)),
        5 => ignore(shared.as_mut().map(|it| ignore(it.get_mut()))),
        6 => ignore(owned.as_mut().map(|it| ignore(it.replace(3)))),
        _ => ignore(it.remove(index)),
    }
}

fn use_view((values, view): &mut View, hands: &mut Hands<'_, '_>) {
    match hands.below(4) {
        0 => ignore(values.push(7)),
        1 => {
            if let Ok(new) = values.as_slice()
                && let Ok(new) = ShmSlice::of(new, hands.heap)
            {
                *view = new;
            }
        }
        _ => {
            // SAFETY: any bytes are such numbers, and nobody else writes to them;
            // whether they are the values is not looked at.
            let opened = unsafe { view.open(hands.heap) };
            let _ = opened.map(|some| some.iter().fold(0_u64, |sum, n| sum.wrapping_add(*n)));
        }
    }
    let _ = (view.len(), view.is_empty());
}
