//! Streams, events, and blocks in the order of a stream.

use super::context::Current;
use super::errors::{NOT_READY, on_device};
use crate::GpuError;
use crate::driver::{EventId, StreamId};

/// A stream that does not wait for the default one.
const NON_BLOCKING: u32 = 1;
/// An event that measures no time.
const NO_TIMING: u32 = 2;

impl Current<'_> {
    pub(super) fn create_stream(&self) -> Result<StreamId, GpuError> {
        let mut stream = 0;
        self.ask(|api| api.stream_create(&mut stream, NON_BLOCKING))?;
        Ok(StreamId(stream))
    }

    /// # Safety
    ///
    /// As [`Driver::destroy_stream`](crate::driver::Driver::destroy_stream).
    pub(super) unsafe fn destroy_stream(&self, stream: StreamId) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.stream_destroy(stream.0) })
    }

    pub(super) fn synchronize_stream(&self, stream: StreamId) -> Result<(), GpuError> {
        // SAFETY: streams are known by those alone who have them.
        self.ask(|api| unsafe { api.stream_synchronize(stream.0) })
    }

    pub(super) fn create_event(&self) -> Result<EventId, GpuError> {
        let mut event = 0;
        self.ask(|api| api.event_create(&mut event, NO_TIMING))?;
        Ok(EventId(event))
    }

    /// # Safety
    ///
    /// As [`Driver::destroy_event`](crate::driver::Driver::destroy_event).
    pub(super) unsafe fn destroy_event(&self, event: EventId) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.event_destroy(event.0) })
    }

    pub(super) fn record(&self, event: EventId, stream: StreamId) -> Result<(), GpuError> {
        // SAFETY: streams and events are known by those alone who have them.
        self.ask(|api| unsafe { api.event_record(event.0, stream.0) })
    }

    pub(super) fn wait(&self, stream: StreamId, event: EventId) -> Result<(), GpuError> {
        // SAFETY: as in `record`.
        self.ask(|api| unsafe { api.stream_wait(stream.0, event.0, 0) })
    }

    pub(super) fn has_happened(&self, event: EventId) -> Result<bool, GpuError> {
        // SAFETY: as in `record`.
        match unsafe { self.cuda.api.event_query(event.0) } {
            Ok(()) => Ok(true),
            Err(refusal) if refusal.code() == Some(NOT_READY) => Ok(false),
            Err(refusal) => Err(on_device(self.number, refusal)),
        }
    }

    pub(super) fn allocate_on(&self, stream: StreamId, bytes: usize) -> Result<u64, GpuError> {
        let mut address = 0;
        // SAFETY: as in `record`.
        self.ask_for(bytes, |api| unsafe { api.allocate_on(&mut address, bytes, stream.0) })?;
        Ok(address)
    }

    /// # Safety
    ///
    /// As [`Driver::free_on`](crate::driver::Driver::free_on).
    pub(super) unsafe fn free_on(&self, stream: StreamId, address: u64) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.free_on(address, stream.0) })
    }
}
