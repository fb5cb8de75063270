//! Streams: immediate command lists.
//!
//! Commands of such a list may be done in any order, so a barrier follows each. A list is for one
//! thread at a time: whoever appends to any of a device's holds the device's lock on them.
//!
//! A list is forgotten before it is destroyed. So who holds the lock and finds it there may
//! append to it, and whoever destroys it waits for that.

use std::ptr;
use std::sync::{MutexGuard, PoisonError};

use super::super::StreamId;
use super::super::table::Refusal;
use super::At;
use super::structures::QueueDesc;
use super::table::Word;
use crate::GpuError;

/// `ZE_COMMAND_QUEUE_MODE_ASYNCHRONOUS`.
const ASYNCHRONOUS: u32 = 2;

/// The lists of a device.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// The default stream's, once somebody needed it.
    default: Option<Word>,
    own: Vec<Word>,
}

impl At<'_> {
    pub(super) fn lists(&self) -> MutexGuard<'_, Lists> {
        self.card.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn create_stream(self) -> Result<StreamId, GpuError> {
        let list = self.said(self.create_list())?;
        self.lists().own.push(list);
        Ok(StreamId(list as u64))
    }

    fn create_list(self) -> Result<Word, Refusal> {
        let desc = QueueDesc { group: self.card.group, mode: ASYNCHRONOUS, ..QueueDesc::NEW };
        let mut list = 0;
        // SAFETY: the context and the device are the card's.
        unsafe { self.table.create_list(self.card.context, self.card.device, &desc, &mut list) }?;
        Ok(list)
    }

    /// Ends a stream once it is done with what it was asked for.
    ///
    /// # Safety
    ///
    /// As [`Driver::destroy_stream`](super::super::Driver::destroy_stream).
    pub(super) unsafe fn destroy_stream(self, stream: StreamId) -> Result<(), GpuError> {
        let list = stream.0 as Word;
        self.lists().own.retain(|it| *it != list);
        self.synchronize(stream)?;
        // SAFETY: the caller's, and nobody finds it any more.
        self.given_back(unsafe { self.table.destroy_list(list) })
    }

    /// Asks a stream for a command.
    pub(super) fn append(
        self,
        stream: StreamId,
        command: impl FnOnce(Word) -> Result<(), Refusal>,
    ) -> Result<(), GpuError> {
        let mut lists = self.lists();
        let list = self.said(self.list_of(&mut lists, stream))?;
        self.said(command(list).and_then(|()| self.barrier(list)))
    }

    /// Asks a stream for a command; without one, asks the default one, and waits for it.
    pub(super) fn in_order(
        self,
        stream: Option<StreamId>,
        command: impl FnOnce(Word) -> Result<(), Refusal>,
    ) -> Result<(), GpuError> {
        self.append(stream.unwrap_or_default(), command)?;
        if stream.is_some() { Ok(()) } else { self.synchronize(StreamId::default()) }
    }

    /// Signals an event of its own on each list: what to wait for is what was asked until now.
    pub(super) fn signal_all(
        self,
        mut fresh: impl FnMut() -> Result<Word, GpuError>,
    ) -> Result<Vec<Word>, GpuError> {
        let lists = self.lists();
        let all = lists.own.iter().copied().chain(lists.default);
        all.map(|list| {
            let event = fresh()?;
            // SAFETY: the list is not destroyed while the lock is held; the event is fresh.
            let signalled = unsafe { self.table.signal(list, event) };
            self.said(signalled.and_then(|()| self.barrier(list)))?;
            Ok(event)
        })
        .collect()
    }

    fn list_of(self, lists: &mut Lists, stream: StreamId) -> Result<Word, Refusal> {
        match (stream.0, lists.default) {
            (0, Some(list)) => Ok(list),
            (0, None) => {
                let list = self.create_list()?;
                lists.default = Some(list);
                Ok(list)
            }
            (list, _) => Ok(list as Word),
        }
    }

    fn barrier(self, list: Word) -> Result<(), Refusal> {
        // SAFETY: the list is the caller's, and there are no events.
        unsafe { self.table.barrier(list, 0, 0, ptr::null()) }
    }
}
