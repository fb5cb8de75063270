//! Events: places in streams that others wait for.

use super::{Device, Stream, lock};
use crate::command::Command;
use crate::queues::Mark;
use crate::{Call, SimError};

/// An event of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Event(u64);

impl Event {
    /// Its number: no other event of the machine has had it.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The event of that number, if there is one.
    pub fn of(number: u64) -> Self {
        Self(number)
    }
}

/// What is known of an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    device: u32,
    /// Where it was recorded last, if it was.
    mark: Option<Mark>,
}

impl Device<'_> {
    /// A new event.
    ///
    /// # Errors
    ///
    /// Those of all calls.
    pub fn create_event(self) -> Result<Event, SimError> {
        self.enter(Call::CreateEvent)?;
        let event = self.machine.number();
        let state = State { device: self.number, mark: None };
        lock(&self.machine.events).insert(event, state);
        Ok(Event(event))
    }

    /// Gives an event back.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] event.
    pub fn destroy_event(self, event: Event) -> Result<(), SimError> {
        self.enter(Call::DestroyEvent)?;
        lock(&self.machine.events).remove(&event.0).map(drop).ok_or(NO_EVENT)
    }

    /// Lets the event happen after what the stream has been asked for until now. Both are of
    /// this device.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] stream or event.
    pub fn record(self, event: Event, stream: Stream) -> Result<(), SimError> {
        self.enter(Call::Record)?;
        self.look_for(stream)?;
        let mark = self.end_of(stream);
        let mut events = lock(&self.machine.events);
        let state = events.get_mut(&event.0).filter(|it| it.device == self.number);
        state.ok_or(NO_EVENT)?.mark = Some(mark);
        Ok(())
    }

    /// Lets the stream wait for what the event stands for now, on whichever device; not at all
    /// if it was never recorded.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] stream or event.
    pub fn wait(self, stream: Stream, event: Event) -> Result<(), SimError> {
        self.enter(Call::Wait)?;
        self.look_for(stream)?;
        match self.mark_of(event)? {
            Some(mark) => self.ask_after(stream, Command::Nothing, Some(mark)).map(drop),
            None => Ok(()),
        }
    }

    /// Whether the event has happened; one that was never recorded has.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuch`] event, [`SimError::Lost`] if a command failed before it.
    pub fn has_happened(self, event: Event) -> Result<bool, SimError> {
        self.enter(Call::Query)?;
        let happened = self.mark_of(event)?.is_none_or(|mark| self.machine.look_whether(mark));
        self.is_alive().map(|()| happened)
    }

    /// Waits until the event has happened.
    ///
    /// # Errors
    ///
    /// As [`has_happened`](Self::has_happened).
    pub fn wait_until_happened(self, event: Event) -> Result<(), SimError> {
        self.enter(Call::Synchronize)?;
        if let Some(mark) = self.mark_of(event)? {
            self.finish(mark);
        }
        self.is_alive()
    }

    fn mark_of(self, event: Event) -> Result<Option<Mark>, SimError> {
        lock(&self.machine.events).get(&event.0).map(|it| it.mark).ok_or(NO_EVENT)
    }
}

const NO_EVENT: SimError = SimError::NoSuch { what: "event" };
