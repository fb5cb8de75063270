//! A topic in this process: its table, and what becomes of its blocks.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use super::super::super::ContainerError;
use super::super::super::heap::{Heap, array_layout};
use super::Payload;
use crate::offset::{AllocatorId, Offset};
use crate::sync::{Blocks, Bytes, MessageTable, Mode};

/// A topic in this process.
pub(super) struct Opened<'t, M: Payload + ?Sized> {
    pub(super) heap: Heap,
    bytes: Bytes<'t>,
    messages: usize,
    receivers: usize,
    mode: Mode,
    _of: PhantomData<&'t M>,
}

impl<M: Payload + ?Sized> Clone for Opened<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Payload + ?Sized> Copy for Opened<'_, M> {}

impl<M: Payload + ?Sized> Opened<'_, M> {
    /// The topic whose table is at `at`, of so many messages and receivers.
    pub(super) fn new(
        heap: AllocatorId,
        at: Offset,
        (messages, receivers): (usize, usize),
        mode: Mode,
    ) -> Result<Self, ContainerError> {
        let heap = Heap::find(heap)?;
        heap.writable()?;
        let words = MessageTable::<Bytes<'_>>::words(messages, receivers);
        let start = heap.array::<u128>(at, words * size_of::<usize>() / size_of::<u128>())?;
        // SAFETY: inside the heap and aligned (`array`); any bits are words. The block
        // is the topic's for as long as that is borrowed.
        let bytes = unsafe { Bytes::new(start.cast(), words * size_of::<usize>()) };
        Ok(Self { heap, bytes, messages, receivers, mode, _of: PhantomData })
    }

    pub(super) fn table(&self) -> MessageTable<'_, Bytes<'_>> {
        MessageTable::new(&self.bytes, self.messages, self.receivers, self.mode)
    }

    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// Sees to it that an entry which is lent to the caller has a block that fits a
    /// message of `len` values, which is as `layout` says.
    pub(super) fn provide(
        &self,
        entry: usize,
        (layout, len): (Layout, usize),
    ) -> Result<(), ContainerError> {
        let table = self.table();
        table.len(entry).store(len, Ordering::Release);
        if table.fits(entry, len) {
            return Ok(());
        }
        self.free(entry);
        table.capacity(entry).store(len, Ordering::Release);
        let made = self.allocate(entry, layout);
        // Blocks that the topic keeps may be what is missing.
        made.or_else(|error| if self.trim() { self.allocate(entry, layout) } else { Err(error) })
    }

    /// Links a block to an entry that is lent to the caller and has none.
    fn allocate(&self, entry: usize, layout: Layout) -> Result<(), ContainerError> {
        let link = NonNull::from(self.table().link(entry));
        // SAFETY: the link names nothing, and is the lender's.
        unsafe { self.heap.exchange(link, None, (Some(layout), 0), &mut |_| {}) }.map(|_| ())
    }

    /// Frees the blocks that no message has; whether there was one.
    pub(super) fn trim(&self) -> bool {
        let table = self.table();
        let locked = table.lock(self.heap.model(), self);
        let freed = locked.spares().inspect(|&entry| self.free(entry));
        freed.fold(false, |_, _| true)
    }

    /// The block of an entry: where it is, and how many values there are.
    fn block(&self, entry: usize) -> Result<(NonNull<M::Value>, usize), ContainerError> {
        let table = self.table();
        // Read once: what is checked is what is used.
        let len = M::count(table.len(entry).load(Ordering::Acquire));
        let at = Offset::new(table.link(entry).load(Ordering::Acquire));
        Ok((self.heap.array::<M::Value>(at, len)?, len))
    }

    /// The message of an entry.
    pub(super) fn message(&self, entry: usize) -> Result<NonNull<M>, ContainerError> {
        self.block(entry).map(|(start, len)| M::at(start, len))
    }

    /// Drops the values of an entry that is lent to the caller.
    pub(super) fn drop_values(&self, entry: usize) {
        if core::mem::needs_drop::<M::Value>()
            && let Ok((start, len)) = self.block(entry)
        {
            let values = NonNull::slice_from_raw_parts(start, len);
            // SAFETY: inside the heap and aligned (`block`), written before they were
            // published or declared to be, and nobody has them any more.
            unsafe { values.drop_in_place() };
        }
    }

    /// Gives an entry back that is lent to the caller, and has no values.
    pub(super) fn give_back(&self, entry: usize) {
        self.table().give_back(entry);
        self.table().room().announce(u32::MAX, self.heap.model());
    }

    /// Drops the message of an entry that is lent to the caller.
    pub(super) fn drop_message(&self, entry: usize) {
        self.drop_values(entry);
        self.give_back(entry);
    }

    /// Takes back what the dead had.
    pub(super) fn recover_dead(&self) {
        let model = self.heap.model();
        let table = self.table();
        table.lock(model, self).repair(model, self);
        table.queued().announce(u32::MAX, model);
        table.room().announce(u32::MAX, model);
    }

    /// Frees the block of an entry, if it has one.
    ///
    /// The entry is lent to the caller, or spare and the caller has the lock.
    pub(super) fn free(&self, entry: usize) {
        let table = self.table();
        let capacity = M::count(table.capacity(entry).load(Ordering::Acquire));
        let at = Offset::new(table.link(entry).load(Ordering::Acquire));
        let Ok(layout) = array_layout::<M::Value>(capacity) else { return };
        if at.is_null() {
            return;
        }
        let link = NonNull::from(table.link(entry));
        // SAFETY: the link names the block, which nobody else does, and nobody else
        // changes it (see above). A complaint would be about a block that a damaged
        // table names.
        let _ = unsafe { self.heap.exchange(link, Some((at, layout)), (None, 0), &mut |_| {}) };
    }
}

impl<M: Payload + ?Sized> Blocks for Opened<'_, M> {
    fn recover(&self) {
        self.heap.allocator().recover();
    }
}
