//! Events that can be recorded again.
//!
//! Level Zero's events happen once, until they are reset, which nobody may do while a stream is
//! still to signal it or waits for it. So each recording takes a fresh one, and *retires* the
//! one before. What is retired is reset when all streams are done with what they were asked for
//! until then: whoever waits for the device does so, or finds too many of them.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use super::super::table::Refusal;
use super::super::{EventId, StreamId};
use super::At;
use super::errors::{INVALID_NULL_HANDLE, NOT_READY};
use super::structures::{EventDesc, EventPoolDesc};
use super::table::Word;
use crate::GpuError;

/// Events that are made at a time.
const POOL: u32 = 64;
/// So many that are retired are worth waiting for.
const MANY: usize = 1024;
/// `ZE_EVENT_POOL_FLAG_HOST_VISIBLE`.
const HOST_VISIBLE: u32 = 1;
/// `ZE_EVENT_SCOPE_FLAG_HOST`: what was written before is seen by everybody.
const HOST_SCOPE: u32 = 4;
/// Longer than anybody waits.
const FOR_EVER: u64 = u64::MAX;

/// The events of a device.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Those that can be signalled.
    fresh: Vec<Word>,
    /// Those that streams may not be done with.
    retired: Vec<Word>,
    named: HashMap<u64, Recorded>,
    names: u64,
}

/// What an event was last recorded by.
#[derive(Debug, Default, Clone, Copy)]
struct Recorded {
    event: Option<Word>,
    /// Whether a stream was told to wait for it.
    awaited: bool,
}

impl At<'_> {
    fn events(&self) -> MutexGuard<'_, Events> {
        self.card.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn create_event(self) -> EventId {
        let mut events = self.events();
        events.names += 1;
        let name = events.names;
        events.named.insert(name, Recorded::default());
        EventId(name)
    }

    pub(super) fn destroy_event(self, event: EventId) -> Result<(), GpuError> {
        let mut events = self.events();
        let recorded = events.named.remove(&event.0).ok_or_else(unknown)?;
        self.retire(&mut events, recorded);
        drop(events);
        self.relieve()
    }

    pub(super) fn record(self, event: EventId, stream: StreamId) -> Result<(), GpuError> {
        let mut events = self.events();
        let before = *events.named.get(&event.0).ok_or_else(unknown)?;
        let fresh = self.fresh(&mut events)?;
        // SAFETY: nobody else has the event; the list is the caller's.
        let asked = self.append(stream, |list| unsafe { self.table.signal(list, fresh) });
        if asked.is_err() {
            // Whether it will be signalled is not known.
            events.retired.push(fresh);
            return asked;
        }
        events.named.insert(event.0, Recorded { event: Some(fresh), awaited: false });
        self.retire(&mut events, before);
        drop(events);
        self.relieve()
    }

    /// Lets a stream wait; an event that was never recorded is nothing to wait for.
    pub(super) fn wait(self, stream: StreamId, event: EventId) -> Result<(), GpuError> {
        let mut events = self.events();
        let recorded = events.named.get_mut(&event.0).ok_or_else(unknown)?;
        let Some(event) = recorded.event else { return Ok(()) };
        recorded.awaited = true;
        // SAFETY: the event is not reset while it is recorded, nor while the lock is held.
        self.append(stream, |list| unsafe { self.table.wait(list, 1, &event) })
    }

    pub(super) fn has_happened(self, event: EventId) -> Result<bool, GpuError> {
        let events = self.events();
        let recorded = events.named.get(&event.0).ok_or_else(unknown)?;
        recorded.event.map_or(Ok(true), |event| self.said(self.query(event)))
    }

    /// Waits for a stream.
    pub(super) fn synchronize(self, stream: StreamId) -> Result<(), GpuError> {
        let event = self.fresh(&mut self.events())?;
        // SAFETY: nobody else has the event; the list is the caller's.
        let asked = self.append(stream, |list| unsafe { self.table.signal(list, event) });
        let done = asked.and_then(|()| self.wait_for(event));
        self.give(&mut self.events(), done.is_ok(), event);
        done
    }

    /// Waits for all streams, and has what was retired before that back.
    pub(super) fn synchronize_device(self) -> Result<(), GpuError> {
        let mut events = self.events();
        let signalled = self.signal_all(|| self.fresh(&mut events))?;
        let retired = std::mem::take(&mut events.retired);
        drop(events);
        let done = signalled.iter().try_for_each(|event| self.wait_for(*event));
        let mut events = self.events();
        for event in signalled.into_iter().chain(retired) {
            self.give(&mut events, done.is_ok(), event);
        }
        done
    }

    /// Waits for the device if too many events are retired.
    fn relieve(self) -> Result<(), GpuError> {
        let many = self.events().retired.len() >= MANY;
        if many { self.synchronize_device() } else { Ok(()) }
    }

    /// Makes an event fresh again if all streams are done with it.
    fn give(self, events: &mut Events, done: bool, event: Word) {
        // SAFETY: no stream has to do with it any more.
        if done && unsafe { self.table.reset(event) }.is_ok() {
            events.fresh.push(event);
        } else {
            events.retired.push(event);
        }
    }

    fn retire(self, events: &mut Events, recorded: Recorded) {
        if let Some(event) = recorded.event {
            let done = !recorded.awaited && self.query(event) == Ok(true);
            self.give(events, done, event);
        }
    }

    fn query(self, event: Word) -> Result<bool, Refusal> {
        // SAFETY: events are never destroyed.
        match unsafe { self.table.query(event) } {
            Err(refusal) if refusal.code() == Some(NOT_READY) => Ok(false),
            answer => answer.map(|()| true),
        }
    }

    fn wait_for(self, event: Word) -> Result<(), GpuError> {
        // SAFETY: events are never destroyed.
        self.said(unsafe { self.table.synchronize(event, FOR_EVER) })
    }

    /// An event that nobody knows.
    fn fresh(self, events: &mut Events) -> Result<Word, GpuError> {
        if events.fresh.is_empty() {
            self.said(self.more(events))?;
        }
        events.fresh.pop().ok_or_else(unknown)
    }

    fn more(self, events: &mut Events) -> Result<(), Refusal> {
        let desc = EventPoolDesc { flags: HOST_VISIBLE, count: POOL, ..EventPoolDesc::NEW };
        let (device, mut pool) = (self.card.device, 0);
        // SAFETY: the context is the card's, and there is one device.
        unsafe {
            self.table.create_pool(self.card.context, &desc, 1, &raw const device, &mut pool)
        }?;
        for index in 0..POOL {
            let desc = EventDesc { index, signal: HOST_SCOPE, wait: HOST_SCOPE, ..EventDesc::NEW };
            let mut event = 0;
            // SAFETY: the pool was just made, and has as many.
            unsafe { self.table.create_event(pool, &desc, &mut event) }?;
            events.fresh.push(event);
        }
        Ok(())
    }
}

/// There is no such event.
fn unknown() -> GpuError {
    GpuError::Driver { function: "zeEventQueryStatus", code: INVALID_NULL_HANDLE }
}
