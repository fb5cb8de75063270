//! Messages.

use anymem_core::container::message::{Overflow, ShmByteRing, ShmQueue, ShmTopic};
use anymem_core::container::{ContainerError, ShmString};

use super::{Hands, Item, LONG, Piece, SHORT, ignore};
use crate::hostile::Slots;

type Jobs = ShmQueue<ShmString>;
type Frames = ShmTopic<[u32]>;
type Orders = ShmTopic<ShmString>;

pub(super) const ITEMS: &[&dyn Item] = &[
    &Piece { name: "log", make: log, handle: use_log },
    &Piece { name: "jobs", make: jobs, handle: use_jobs },
    &Piece { name: "frames", make: frames, handle: use_frames },
    &Piece { name: "orders", make: orders, handle: use_orders },
];

fn log(heap: &Slots) -> Result<ShmByteRing, ContainerError> {
    let ring = ShmByteRing::new_in(512, heap)?;
    for line in ["first", LONG, ""] {
        let _ = ring.try_send(line.as_bytes());
    }
    Ok(ring)
}

/// More than a chunk is for.
fn jobs(heap: &Slots) -> Result<Jobs, ContainerError> {
    let queue = ShmQueue::new_in(heap)?;
    for number in 0..140 {
        let text = if number % 16 == 0 { LONG } else { "short" };
        let _ = queue.push(ShmString::from_str_in(text, heap)?);
    }
    Ok(queue)
}

/// With one that is kept for those who come.
fn frames(heap: &Slots) -> Result<Frames, ContainerError> {
    let topic = ShmTopic::for_each_in(4, 1, heap)?;
    if let Ok(room) = topic.try_loan_slice(8) {
        let _ = room.fill_with(|index| index as u32).try_publish();
    }
    Ok(topic)
}

fn orders(heap: &Slots) -> Result<Orders, ContainerError> {
    let topic: Orders = ShmTopic::for_one_in(4, heap)?;
    for word in [LONG, "x"] {
        if let Ok(room) = topic.try_loan() {
            let _ = room.write(ShmString::from_str_in(word, heap)?).try_publish();
        }
    }
    Ok(topic)
}

fn use_log(it: &mut ShmByteRing, hands: &mut Hands<'_, '_>) {
    match hands.below(8) {
        0 => ignore(it.try_send(LONG.as_bytes())),
        1 => ignore(it.send_timeout(LONG.as_bytes(), SHORT)),
        2 | 3 => {
            let Ok(mut room) = it.try_reserve(hands.below(250)) else { return };
            room.fill(7);
            hands.harm();
            match hands.below(3) {
                0 => ignore(room.commit()),
                1 => ignore(room.commit_first(3)),
                _ => drop(room),
            }
        }
        4 | 5 => {
            let Ok(message) = it.try_read() else { return };
            hands.harm();
            let _ = message.iter().max();
            if hands.below(4) == 0 {
                message.put_back();
            }
        }
        6 => ignore(it.read_timeout(SHORT).map(|message| ignore(message.iter().max()))),
        _ if hands.below(16) == 0 => ignore(it.close()),
        _ => ignore((it.used(), it.is_closed(), it.longest(), format!("{it:?}"))),
    }
}

fn use_jobs(it: &mut Jobs, hands: &mut Hands<'_, '_>) {
    match hands.below(8) {
        0 | 1 => {
            for _ in 0..hands.below(100) {
                let Ok(text) = hands.text(LONG) else { return };
                if it.push(text).is_err() {
                    return;
                }
            }
        }
        2 => ignore(it.pop_timeout(SHORT).map(|text| ignore(text.check()))),
        3..6 => {
            for _ in 0..hands.below(160) {
                let Ok(text) = it.try_pop() else { return };
                let _ = text.check();
            }
        }
        6 if hands.below(16) == 0 => ignore(it.close()),
        _ => ignore((it.len(), it.is_closed(), format!("{it:?}"))),
    }
}

fn overflow(hands: &mut Hands<'_, '_>) -> Overflow {
    [Overflow::Block, Overflow::DropOldest, Overflow::Refuse][hands.below(3)]
}

fn use_frames(it: &mut Frames, hands: &mut Hands<'_, '_>) {
    let mut receivers = Vec::new();
    for _ in 0..hands.below(3) {
        receivers.extend(it.join(hands.below(4), overflow(hands)));
    }
    hands.harm();
    for _ in 0..hands.below(6) {
        if let Ok(room) = it.try_loan_slice(hands.below(60)) {
            hands.harm();
            let letter = room.fill_with(|index| index as u32);
            hands.harm();
            let _ = if hands.below(2) == 0 {
                letter.try_publish()
            } else {
                letter.publish_timeout(SHORT)
            };
        }
    }
    for receiver in &receivers {
        let frames = [receiver.try_receive(), receiver.receive_timeout(SHORT)];
        hands.harm();
        frames.iter().flatten().for_each(|frame| ignore(frame.iter().max()));
    }
    look_at(it, hands);
}

fn use_orders(it: &mut Orders, hands: &mut Hands<'_, '_>) {
    for _ in 0..hands.below(4) {
        let Ok(text) = hands.text(LONG) else { return };
        if let Ok(room) = it.loan_timeout(SHORT) {
            hands.harm();
            let _ = room.write(text).try_publish();
        }
    }
    if let Ok(receiver) = it.join(1, overflow(hands)) {
        let orders = [receiver.try_receive(), receiver.try_receive()];
        hands.harm();
        orders.iter().flatten().for_each(|order| ignore(order.check()));
    }
    look_at(it, hands);
}

fn look_at<M: anymem_core::container::message::Payload + ?Sized>(
    it: &ShmTopic<M>,
    hands: &mut Hands<'_, '_>,
) {
    let _ = match hands.below(16) {
        0 => it.recover(),
        2 => it.trim(),
        1 if hands.below(16) == 0 => it.close(),
        _ => it.in_use().and(it.is_closed()).map(|_| ignore(format!("{it:?}"))),
    };
}
