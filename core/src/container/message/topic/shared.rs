//! What a topic has in common with other containers.

use core::fmt;
use core::sync::atomic::Ordering;

use super::super::super::heap::{Heap, in_order};
use super::super::super::trace::values;
use super::super::super::{Trace, TraceError, Tracer};
use super::{Payload, ShmTopic, layout};
use crate::offset::Offset;
use crate::sync::{Blocks, Bytes, MessageTable, Mode};

/// Bits of the number of receivers in what a table's look is told.
const RECEIVER_BITS: u32 = 5;

impl<M: Payload + ?Sized> Drop for ShmTopic<M> {
    /// Drops all messages, and frees all blocks; leaks them where the heap is not
    /// attached.
    fn drop(&mut self) {
        if let Ok(opened) = self.open() {
            // Somebody may have died with a link half-changed.
            opened.recover();
            for entry in 0..self.messages as usize {
                if opened.table().is_published(entry) {
                    opened.drop_values(entry);
                }
                opened.free(entry);
            }
        }
        let Ok(heap) = Heap::find(self.heap) else { return };
        let layout = layout(self.messages as usize, self.receivers as usize);
        let at = core::mem::replace(&mut self.at, Offset::NULL);
        in_order();
        if let (Ok(layout), false) = (layout, at.is_null()) {
            // SAFETY: only the topic knew of its table, and it has forgotten it.
            unsafe { heap.free(at, layout) };
        }
    }
}

impl<M: Payload + ?Sized> Trace for ShmTopic<M> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        // One that was just dropped is empty.
        if self.at.is_null() {
            return Ok(());
        }
        let (messages, receivers) = (self.messages as usize, self.receivers as usize);
        let damaged = TraceError::Damaged { at: self.at };
        if messages > Self::MESSAGES_MAX || receivers > Self::RECEIVERS_MAX {
            return Err(damaged);
        }
        let bytes = layout(messages, receivers).map_err(|_| damaged)?.size();
        let look = (trace_table::<M> as _, messages << RECEIVER_BITS | receivers);
        // SAFETY: the topic owns its table there.
        unsafe { tracer.owned(self.heap, self.at, bytes, look) }.map(|_| ())
    }
}

/// Names the blocks of a table, of so many messages and receivers.
///
/// # Safety
///
/// It is at `at`.
unsafe fn trace_table<M: Payload + ?Sized>(
    tracer: &mut Tracer<'_>,
    at: Offset,
    sizes: usize,
) -> Result<(), TraceError> {
    let (messages, receivers) = (sizes >> RECEIVER_BITS, sizes & ((1 << RECEIVER_BITS) - 1));
    let words = MessageTable::<Bytes<'_>>::words(messages, receivers);
    let start = tracer.array::<u128>(at, words * size_of::<usize>() / size_of::<u128>())?;
    // SAFETY: inside the heap and aligned (`array`); any bits are words.
    let bytes = unsafe { Bytes::new(start.cast(), words * size_of::<usize>()) };
    // The mode makes no difference to what is there.
    let table = MessageTable::new(&bytes, messages, receivers, Mode::One);
    let heap = tracer.heap().allocator().id();
    for entry in 0..messages {
        let block = Offset::new(table.link(entry).load(Ordering::Relaxed));
        if block.is_null() {
            continue;
        }
        let damaged = TraceError::Damaged { at: block };
        let capacity = M::count(table.capacity(entry).load(Ordering::Relaxed));
        let bytes = capacity.checked_mul(size_of::<M::Value>()).ok_or(damaged)?;
        // What is spare has no values, and what is lent may not be written.
        let len = match table.is_published(entry) {
            true => M::count(table.len(entry).load(Ordering::Relaxed)),
            false => 0,
        };
        if len > capacity {
            return Err(damaged);
        }
        // SAFETY: as many values were published there.
        unsafe { tracer.owned(heap, block, bytes, (values::<M::Value>, len)) }?;
    }
    Ok(())
}

impl<M: Payload + ?Sized> fmt::Debug for ShmTopic<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.in_use() {
            Ok(in_use) => write!(f, "ShmTopic({in_use} of {} messages)", self.messages),
            Err(error) => write!(f, "ShmTopic(<{error}>)"),
        }
    }
}

// Keeps what a look is told in one number.
const _: () = assert!(ShmTopic::<u8>::RECEIVERS_MAX < 1 << RECEIVER_BITS);
