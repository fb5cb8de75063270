//! The least that a round trip takes: a word that two processes write in turn.

use core::{
    error::Error,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{
    round_trip::poll,
    segment::Segment,
    serve::{Part, answer},
};

pub(super) fn serve(part: &Part) -> Result<(), Box<dyn Error>> {
    let segment = Segment::of(part)?;
    let (heap, number) = (segment.heap(), part.number as u64);
    heap.root_or_create("word", |_| Ok(AtomicU64::new(0)))?;
    answer(Box::new(move |operations| {
        let word = heap.root::<AtomicU64>("word")?;
        // Even after each round trip: then the first process writes.
        for _ in 0..operations {
            let turn = poll(|| {
                let turn = word.load(Ordering::Acquire);
                Ok((turn % 2 == number).then_some(turn))
            })?;
            word.store(turn + 1, Ordering::Release);
        }
        // The first one's last round trip ends with the answer.
        poll(|| Ok((word.load(Ordering::Acquire) % 2 == 0).then_some(())))
    }))
}
