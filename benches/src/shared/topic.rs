//! Messages of any length that are handed over through topics of ours.

use core::error::Error;

use anymem::{
    SharedHeap,
    container::message::{MessageError, Overflow, Receiver, ShmTopic},
};

use super::{job::Message, round_trip::poll, serve::Work};

type Topic = ShmTopic<[u8]>;

/// Messages of a topic: one is on its way while the next is lent.
const ROOM: usize = 2;

pub(super) fn hand_overs(
    heap: SharedHeap,
    message: Message,
    number: usize,
) -> Result<Work, Box<dyn Error>> {
    let names = if number == 0 { ["there", "back"] } else { ["back", "there"] };
    for name in names {
        heap.root_or_create(name, |heap| Topic::for_one_in(ROOM, heap))?;
    }
    Ok(Box::new(move |operations| {
        let [out, back] = names.map(|name| heap.root::<Topic>(name));
        let (out, back) = (out?, back?.join(ROOM, Overflow::Block)?);
        for _ in 0..operations {
            if number == 0 {
                publish(out, message.bytes())?;
                receive(&back, 0)?;
            } else {
                receive(&back, message.bytes())?;
                publish(out, 0)?;
            }
        }
        Ok(())
    }))
}

/// Publishes what is in the block: to fill it is not measured.
fn publish(topic: &Topic, bytes: usize) -> Result<(), Box<dyn Error>> {
    let loan = topic.try_loan_slice(bytes)?;
    // SAFETY: a mapping's pages hold bytes before anybody writes any, and nobody reads
    // these.
    let letter = unsafe { loan.assume_init() };
    letter.try_publish()?;
    Ok(())
}

/// Receives a message and gives it back.
fn receive(topic: &Receiver<'_, [u8]>, bytes: usize) -> Result<(), Box<dyn Error>> {
    let message = poll(|| match topic.try_receive() {
        Ok(message) => Ok(Some(message)),
        Err(MessageError::Empty) => Ok(None),
        Err(error) => Err(error.into()),
    })?;
    if message.len() != bytes {
        return Err("a message of another length came than was published".into());
    }
    Ok(())
}
