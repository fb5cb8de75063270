//! Blocks that streams use which are not their own.
//!
//! A freed block of which that is so is *parked*: it goes back to its stream's pool when the
//! others have done what they were asked for until then. Many blocks are parked at a time; one
//! event for each stream that used any of them tells of all.

use core::ptr::NonNull;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bank::{Events, StreamIndex};
use super::watch::{Flag, Watch};
use crate::{Event, GpuError, Stream};

/// Which blocks other streams than their own use.
///
/// While there are any, [`Flag::Lent`] is set, which changes under the lock alone.
#[derive(Debug)]
pub(super) struct Lent {
    watch: Arc<Watch>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Live blocks, by address, and who else uses them.
    live: HashMap<usize, Vec<Stream>>,
    /// Freed since events were recorded last.
    freed: Vec<Freed>,
    batches: Vec<Batch>,
}

#[derive(Debug)]
struct Freed {
    block: Parked,
    used_by: Vec<Stream>,
}

/// A block that was freed, and the stream that it is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parked {
    pub(super) at: NonNull<u8>,
    pub(super) owner: StreamIndex,
}

// SAFETY: an address is a number here.
unsafe impl Send for Parked {}

/// Blocks that are free once all the events have happened.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) events: Vec<Event>,
    pub(super) blocks: Vec<Parked>,
}

impl Batch {
    fn has_happened(&self) -> Result<bool, GpuError> {
        for event in &self.events {
            if !event.has_happened()? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Lent {
    pub(super) fn new(watch: Arc<Watch>) -> Self {
        Self { watch, state: Mutex::default() }
    }

    /// A stream uses a live block that is another's.
    pub(super) fn lend(&self, block: NonNull<u8>, to: &Stream) {
        let mut state = self.lock();
        self.watch.set(Flag::Lent, true);
        let used_by = state.live.entry(block.addr().get()).or_default();
        if !used_by.contains(to) {
            used_by.push(to.clone());
        }
    }

    /// Parks a block that is freed, if others than its own stream use it: how many wait for
    /// their events to be recorded.
    pub(super) fn park(&self, block: Parked) -> Option<usize> {
        let mut state = self.lock();
        let used_by = state.live.remove(&block.at.addr().get())?;
        state.freed.push(Freed { block, used_by });
        Some(state.freed.len())
    }

    /// Blocks were freed that had been parked.
    pub(super) fn settled(&self) {
        let state = self.lock();
        let is_any = !state.live.is_empty() || !state.freed.is_empty() || !state.batches.is_empty();
        self.watch.set(Flag::Lent, is_any);
    }

    /// How many blocks are parked.
    pub(super) fn parked(&self) -> usize {
        let state = self.lock();
        state.freed.len() + state.batches.iter().map(|batch| batch.blocks.len()).sum::<usize>()
    }

    /// Takes the blocks out that nobody uses any more. What was freed since the last time gets
    /// its events first.
    pub(super) fn take_done(&self, events: &Events) -> Result<Vec<Parked>, GpuError> {
        let mut state = self.lock();
        state.record(events)?;
        let mut done = Vec::new();
        let mut index = 0;
        while let Some(batch) = state.batches.get(index) {
            if batch.has_happened()? {
                let batch = state.batches.swap_remove(index);
                done.extend(batch.blocks);
                batch.events.into_iter().for_each(|event| events.give(event));
            } else {
                index += 1;
            }
        }
        Ok(done)
    }

    /// Takes all batches out, whether their events have happened or not.
    pub(super) fn take_batches(&self, events: &Events) -> Result<Vec<Batch>, GpuError> {
        let mut state = self.lock();
        state.record(events)?;
        Ok(core::mem::take(&mut state.batches))
    }

    /// Puts a batch in again.
    pub(super) fn put_back(&self, batch: Batch) {
        self.lock().batches.push(batch);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Makes a batch of what was freed: an event for each stream that used any of it.
    fn record(&mut self, events: &Events) -> Result<(), GpuError> {
        let mut streams: Vec<&Stream> = Vec::new();
        for stream in self.freed.iter().flat_map(|freed| &freed.used_by) {
            if !streams.contains(&stream) {
                streams.push(stream);
            }
        }
        if streams.is_empty() {
            return Ok(());
        }
        let record = |stream: &Stream| {
            let event = events.take()?;
            stream.record_again(&event).map(|()| event)
        };
        let recorded = streams.into_iter().map(record).collect::<Result<_, _>>()?;
        let blocks = self.freed.drain(..).map(|freed| freed.block).collect();
        self.batches.push(Batch { events: recorded, blocks });
        Ok(())
    }
}
