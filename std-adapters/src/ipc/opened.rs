//! A block of another process, open in this one.

use core::fmt;
use core::ptr::NonNull;

use super::cache;
use super::handle::Parts;
use super::slot::{Entry, Slot};

/// A block of another process, open in this one for as long as this lives.
///
/// Others may write to the block at any time: read it with atomics, or agree on who writes
/// when.
pub struct Opened {
    slot: &'static Slot,
    at: NonNull<u8>,
    len: usize,
    writable: bool,
}

// SAFETY: it is an address that stays mapped, and a count that any thread may change;
// using the bytes is up to whoever does it.
unsafe impl Send for Opened {}
// SAFETY: as for `Send`.
unsafe impl Sync for Opened {}

impl Opened {
    /// For whoever has just become a user of `slot`.
    #[inline]
    pub(super) fn new(slot: &'static Slot, at: NonNull<u8>, parts: &Parts) -> Self {
        // A view is no longer than addresses go.
        Self { slot, at, len: parts.len as usize, writable: parts.writable }
    }

    pub(super) fn slot(&self) -> &'static Slot {
        self.slot
    }

    /// What is kept for the view that the block is in.
    #[inline]
    pub(super) fn entry(&self) -> Option<&Entry> {
        // SAFETY: this is a user of the view, so nobody empties the slot.
        unsafe { self.slot.entry() }
    }

    /// The first byte of the block.
    #[must_use]
    #[inline]
    pub fn as_ptr(&self) -> NonNull<u8> {
        self.at
    }

    /// How many bytes the block has.
    #[must_use]
    #[inline]
    #[allow(clippy::len_without_is_empty, reason = "no block is empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the bytes may be written.
    #[must_use]
    pub fn writable(&self) -> bool {
        self.writable
    }

    /// Keeps the block open until [`close`](super::close) is called with its address.
    #[must_use]
    pub fn into_raw(self) -> NonNull<u8> {
        let at = self.at;
        cache::add_raw(at.addr().get(), self.slot);
        core::mem::forget(self);
        at
    }
}

impl Drop for Opened {
    #[inline]
    fn drop(&mut self) {
        cache::release(self.slot);
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, len, writable, .. } = self;
        f.debug_struct("Opened")
            .field("at", at)
            .field("len", len)
            .field("writable", writable)
            .finish()
    }
}
