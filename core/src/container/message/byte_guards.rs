//! A message of a byte ring in somebody's hands: to be written, or read.

use core::fmt;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::slice;

use super::super::ContainerError;
use super::MessageError;
use super::byte_ring::Opened;
use crate::sync::Record;
use crate::thread::Owner;

/// Room for a message, which is sent by [`commit`](Self::commit); given up if this
/// is dropped instead, also when a panic unwinds.
#[must_use = "the message is not sent unless it is committed"]
pub struct ReservedBytes<'r> {
    held: Held<'r>,
}

/// A message; its room is given back when this is dropped.
#[must_use = "the message is gone when this is dropped"]
pub struct ByteMessage<'r> {
    held: Held<'r>,
}

/// A record that this process has.
struct Held<'r> {
    opened: Opened<'r>,
    record: Record,
    start: NonNull<u8>,
    by: Owner,
}

// SAFETY: the bytes are reached as a slice that is borrowed or owned would be.
unsafe impl Send for Held<'_> {}
// SAFETY: as above.
unsafe impl Sync for Held<'_> {}

impl<'r> Held<'r> {
    fn new(opened: Opened<'r>, record: Record) -> Result<Self, MessageError> {
        let start = opened.bytes.slice(record.start(), record.len());
        let start = start.ok_or(ContainerError::Corrupt)?;
        Ok(Self { opened, record, start, by: opened.heap.model().owner() })
    }

    /// Whether it is this process that has it, and not the one that this one was
    /// forked from.
    fn is_ours(&self) -> bool {
        self.opened.heap.model().owner() == self.by
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: inside the ring (`new`), written when the ring was made, and only
        // its holder has the record.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.record.len()) }
    }
}

impl<'r> ReservedBytes<'r> {
    pub(super) fn new(opened: Opened<'r>, record: Record) -> Result<Self, MessageError> {
        Held::new(opened, record).map(|held| Self { held })
    }

    /// Sends the message.
    ///
    /// # Errors
    ///
    /// [`MessageError::Busy`] in a child that was forked meanwhile: the message is
    /// its parent's.
    pub fn commit(self) -> Result<(), MessageError> {
        let len = self.held.record.len();
        self.commit_first(len)
    }

    /// Sends the first `len` bytes as the message, or all that were reserved if that
    /// is less.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub fn commit_first(self, len: usize) -> Result<(), MessageError> {
        if !self.held.is_ours() {
            return Err(MessageError::Busy);
        }
        let Opened { heap, .. } = self.held.opened;
        self.held.opened.ring().commit(self.held.record, len, heap.model());
        core::mem::forget(self);
        Ok(())
    }

    /// Sends a copy of `message`, which is as long as the room.
    pub(super) fn fill(mut self, message: &[u8]) -> Result<(), MessageError> {
        for (to, from) in self.iter_mut().zip(message) {
            *to = *from;
        }
        self.commit()
    }
}

impl Deref for ReservedBytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.held.bytes()
    }
}

impl DerefMut for ReservedBytes<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and the guard is borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.held.start.as_ptr(), self.held.record.len()) }
    }
}

impl Drop for ReservedBytes<'_> {
    fn drop(&mut self) {
        if self.held.is_ours() {
            let Opened { heap, .. } = self.held.opened;
            self.held.opened.ring().abandon(self.held.record, heap.model());
        }
    }
}

impl fmt::Debug for ReservedBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReservedBytes({})", self.len())
    }
}

impl<'r> ByteMessage<'r> {
    pub(super) fn new(opened: Opened<'r>, record: Record) -> Result<Self, MessageError> {
        Held::new(opened, record).map(|held| Self { held })
    }

    /// Leaves the message in the ring, as the next one to be read.
    pub fn put_back(self) {
        self.unlock();
        core::mem::forget(self);
    }

    fn unlock(&self) {
        let (ring, model) = (self.held.opened.ring(), self.held.opened.heap.model());
        ring.readers().release(self.held.by, model);
        // Threads wait for the lock, tasks for what is told of messages.
        ring.filled().announce(u32::MAX, model);
    }
}

impl Deref for ByteMessage<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.held.bytes()
    }
}

impl Drop for ByteMessage<'_> {
    fn drop(&mut self) {
        if self.held.is_ours() {
            let Opened { heap, .. } = self.held.opened;
            self.held.opened.ring().release(self.held.record, heap.model());
            self.unlock();
        }
    }
}

impl fmt::Debug for ByteMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ByteMessage").field(&self.held.bytes()).finish()
    }
}
