//! Bounded queues.

use anymem_core::container::{
    ContainerError, PopError, PushError, ShmMpmc, ShmMpsc, ShmSpsc, ShmString,
};

use super::{Hands, Item, LONG, Piece, SHORT, ignore};
use crate::hostile::Slots;

type Lane = ShmSpsc<u64>;
type Inbox = ShmMpsc<ShmString>;
type Desk = ShmMpmc<ShmString>;

pub(super) const ITEMS: &[&dyn Item] = &[
    &Piece { name: "lane", make: lane, handle: use_lane },
    &Piece { name: "inbox", make: inbox, handle: use_inbox },
    &Piece { name: "desk", make: desk, handle: use_desk },
];

fn lane(heap: &Slots) -> Result<Lane, ContainerError> {
    let lane = ShmSpsc::new_in(8, heap)?;
    if let Ok(mut end) = lane.producer() {
        let _ = end.try_push_many(0..5);
    }
    Ok(lane)
}

fn inbox(heap: &Slots) -> Result<Inbox, ContainerError> {
    let inbox = ShmMpsc::new_in(4, heap)?;
    let _ = inbox.try_push(ShmString::from_str_in(LONG, heap)?);
    Ok(inbox)
}

fn desk(heap: &Slots) -> Result<Desk, ContainerError> {
    let desk = ShmMpmc::new_in(4, heap)?;
    let _ = desk.try_push(ShmString::from_str_in(LONG, heap)?);
    let _ = desk.try_push(ShmString::from_str_in("x", heap)?);
    Ok(desk)
}

/// Some that fill a queue, as far as the heap has room.
fn some<'h>(hands: &Hands<'h, '_>, count: usize) -> impl Iterator<Item = ShmString> + use<'h> {
    let heap = hands.heap;
    (0..count).map_while(move |_| ShmString::from_str_in(LONG, heap).ok())
}

/// A text in a queue was whole when it was put in.
fn came(text: ShmString) {
    let _ = text.check();
}

fn pushed(pushed: Result<(), PushError<ShmString>>) {
    ignore(pushed.map_err(PushError::into_value));
}

fn popped(popped: Result<ShmString, PopError>) {
    ignore(popped.map(came));
}

fn use_lane(it: &mut Lane, hands: &mut Hands<'_, '_>) {
    let (producer, consumer) = (it.producer(), it.consumer());
    hands.harm();
    if let Ok(mut end) = producer {
        let _ = match hands.below(4) {
            0 => end.try_push_many(0..6).is_ok(),
            1 => end.push_timeout(7, SHORT).is_ok(),
            _ => end.try_push(7).is_ok(),
        };
        hands.harm();
    }
    if let Ok(mut end) = consumer {
        let _ = match hands.below(4) {
            0 => end.try_pop_many(5, |_| hands.harm()).is_ok(),
            1 => end.pop_timeout(SHORT).is_ok(),
            2 if hands.below(8) == 0 => {
                end.close();
                true
            }
            _ => end.try_pop().is_ok(),
        };
    }
    let _ = (it.check(), it.len(), it.is_closed(), it.capacity(), format!("{it:?}"));
}

fn use_inbox(it: &mut Inbox, hands: &mut Hands<'_, '_>) {
    match hands.below(6) {
        0 => ignore(it.try_push_many(some(hands, 5))),
        1 => ignore(hands.text(LONG).map(|text| pushed(it.push_timeout(text, SHORT)))),
        2 => ignore(hands.text("x").map(|text| pushed(it.try_push(text)))),
        _ => {
            let Ok(mut end) = it.consumer() else { return };
            hands.harm();
            popped(end.try_pop());
            let _ = end.try_pop_many(3, |text| {
                hands.harm();
                came(text);
            });
            popped(end.pop_timeout(SHORT));
        }
    }
    let _ = (it.check(), it.len(), it.is_closed(), it.capacity(), format!("{it:?}"));
}

fn use_desk(it: &mut Desk, hands: &mut Hands<'_, '_>) {
    match hands.below(8) {
        0 => ignore(it.try_push_many(some(hands, 5))),
        1 => ignore(hands.text(LONG).map(|text| pushed(it.push_timeout(text, SHORT)))),
        2 | 3 => ignore(hands.text("x").map(|text| pushed(it.try_push(text)))),
        4 => ignore(it.try_pop_many(3, |text| {
            hands.harm();
            came(text);
        })),
        5 => popped(it.pop_timeout(SHORT)),
        6 if hands.below(8) == 0 => ignore(it.close()),
        _ => popped(it.try_pop()),
    }
    let _ = (it.check(), it.len(), it.is_closed(), it.capacity(), format!("{it:?}"));
}
