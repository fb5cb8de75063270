//! Streams and events, and bytes that streams copy.

use std::ffi::{c_int, c_uint};

use super::super::{Direction, EventId, StreamId};
use super::errors::NOT_READY;
use super::table::Word;
use super::{Current, some};
use crate::GpuError;
use crate::driver::table::Refusal;

/// `hipStreamNonBlocking`: the default stream is not waited for.
const NON_BLOCKING: c_uint = 1;
/// `hipEventDisableTiming`.
const DISABLE_TIMING: c_uint = 2;

/// `hipMemcpyKind`.
fn kind_of(direction: Direction) -> c_int {
    match direction {
        Direction::ToDevice => 1,
        Direction::ToHost => 2,
        Direction::Within => 3,
    }
}

impl Current<'_> {
    /// Asks a stream for something; without one, asks the default one, and waits for it.
    fn in_order(
        &self,
        stream: Option<StreamId>,
        ask: impl FnOnce(Word) -> Result<(), Refusal>,
    ) -> Result<(), GpuError> {
        let asked = stream.unwrap_or_default();
        self.said(ask(asked.0 as Word))?;
        if stream.is_some() { Ok(()) } else { self.synchronize(asked) }
    }

    /// # Safety
    ///
    /// As [`Driver::copy`](super::super::Driver::copy).
    pub(super) unsafe fn copy(
        &self,
        stream: Option<StreamId>,
        to: u64,
        from: u64,
        bytes: usize,
        direction: Direction,
    ) -> Result<(), GpuError> {
        let (to, from, kind) = (to as Word, from as Word, kind_of(direction));
        // SAFETY: the caller's.
        self.in_order(stream, |it| unsafe { self.hip.table.copy(to, from, bytes, kind, it) })
    }

    /// # Safety
    ///
    /// As [`Driver::copy_peer`](super::super::Driver::copy_peer).
    pub(super) unsafe fn copy_peer(
        &self,
        stream: Option<StreamId>,
        to: u64,
        from_device: u32,
        from: u64,
        bytes: usize,
    ) -> Result<(), GpuError> {
        let (to_device, peer) = (self.device as c_int, from_device as c_int);
        // SAFETY: the caller's.
        self.in_order(stream, |it| unsafe {
            self.hip.table.copy_peer(to as Word, to_device, from as Word, peer, bytes, it)
        })
    }

    /// # Safety
    ///
    /// As [`Driver::fill`](super::super::Driver::fill).
    pub(super) unsafe fn fill(
        &self,
        stream: Option<StreamId>,
        at: u64,
        byte: u8,
        bytes: usize,
    ) -> Result<(), GpuError> {
        let (at, value) = (at as Word, c_int::from(byte));
        // SAFETY: the caller's.
        self.in_order(stream, |it| unsafe { self.hip.table.fill(at, value, bytes, it) })
    }

    pub(super) fn create_stream(&self) -> Result<StreamId, GpuError> {
        let mut stream = 0;
        self.said(self.hip.table.create_stream(&mut stream, NON_BLOCKING))?;
        some("hipStreamCreateWithFlags", stream).map(StreamId)
    }

    pub(super) fn synchronize(&self, stream: StreamId) -> Result<(), GpuError> {
        // SAFETY: the stream is the driver's.
        self.said(unsafe { self.hip.table.synchronize(stream.0 as Word) })
    }

    pub(super) fn create_event(&self) -> Result<EventId, GpuError> {
        let mut event = 0;
        self.said(self.hip.table.create_event(&mut event, DISABLE_TIMING))?;
        some("hipEventCreateWithFlags", event).map(EventId)
    }

    pub(super) fn record(&self, event: EventId, stream: StreamId) -> Result<(), GpuError> {
        // SAFETY: both are the driver's.
        self.said(unsafe { self.hip.table.record(event.0 as Word, stream.0 as Word) })
    }

    pub(super) fn wait(&self, stream: StreamId, event: EventId) -> Result<(), GpuError> {
        // SAFETY: both are the driver's.
        self.said(unsafe { self.hip.table.wait(stream.0 as Word, event.0 as Word, 0) })
    }

    pub(super) fn has_happened(&self, event: EventId) -> Result<bool, GpuError> {
        // SAFETY: it is the driver's.
        match unsafe { self.hip.table.query(event.0 as Word) } {
            Err(refusal) if refusal.code() == Some(NOT_READY) => Ok(false),
            answer => self.said(answer).map(|()| true),
        }
    }
}
