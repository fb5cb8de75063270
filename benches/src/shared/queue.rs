//! Round trips through queues of ours.

use core::error::Error;

use anymem::{
    SharedHeap,
    container::{Consumer, PopError, Producer, ShmSpsc},
};

use super::{
    job::Waiting,
    round_trip::{self, Bytes, Line, PATIENCE, poll},
    serve::Work,
};

type Queue = ShmSpsc<Bytes>;

/// Messages that a queue has room for.
const ROOM: usize = 16;

pub(super) fn round_trips(
    heap: SharedHeap,
    waiting: Waiting,
    number: usize,
) -> Result<Work, Box<dyn Error>> {
    let names = if number == 0 { ["there", "back"] } else { ["back", "there"] };
    for name in names {
        heap.root_or_create(name, |heap| Queue::new_in(ROOM, heap))?;
    }
    Ok(Box::new(move |operations| {
        let [out, back] = names.map(|name| heap.root::<Queue>(name));
        let mut ends = Ends { out: out?.producer()?, back: back?.consumer()?, waiting };
        round_trip::round_trips(&mut ends, number, operations)
    }))
}

struct Ends<'q> {
    out: Producer<'q, Bytes>,
    back: Consumer<'q, Bytes>,
    waiting: Waiting,
}

impl Line for Ends<'_> {
    fn send(&mut self, bytes: Bytes) -> Result<(), Box<dyn Error>> {
        Ok(self.out.try_push(bytes)?)
    }

    fn receive(&mut self) -> Result<Bytes, Box<dyn Error>> {
        match self.waiting {
            Waiting::Polling => poll(|| match self.back.try_pop() {
                Ok(bytes) => Ok(Some(bytes)),
                Err(PopError::Empty) => Ok(None),
                Err(error) => Err(error.into()),
            }),
            Waiting::Blocking => Ok(self.back.pop_timeout(PATIENCE)?),
        }
    }
}
