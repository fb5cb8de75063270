//! Places for open views, which threads find and count without a lock.
//!
//! A slot is never freed, so whoever has heard of it may always look. The view in it
//! counts its users: the cache is one for as long as it keeps the view, and each open
//! block is another. Who takes the last one away drops the view. (The protocol is
//! [`Counts`]: a thread that only heard of the slot is as one with a weak handle.)

use core::cell::UnsafeCell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use anymem_core::sync::{Counts, Handles};

use super::IpcError;
use super::handle::{OwnerId, Parts};
use super::owners::Owner;
use super::stand_in::Visit;
use super::view::View;
use crate::sys::file_id::FileId;

/// What tells views apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) file: FileId,
    pub(super) owner: OwnerId,
    pub(super) writable: bool,
}

impl Key {
    #[inline]
    pub(super) fn of(parts: &Parts) -> Self {
        Self { file: parts.file, owner: parts.owner, writable: parts.writable }
    }
}

/// A view, and what is known of whoever offers what is in it.
#[derive(Debug)]
pub(super) struct Entry {
    // First: what is kept for the view goes before the view.
    pub(super) visit: Visit,
    pub(super) key: Key,
    pub(super) view: View,
    pub(super) owner: Option<Arc<Owner>>,
}

impl Entry {
    /// Where a block is; `None` if the view is another's, or does not reach so far.
    ///
    /// The offer must hold, as far as that can be known.
    #[inline]
    pub(super) fn place(&self, key: &Key, parts: &Parts) -> Option<Result<NonNull<u8>, IpcError>> {
        if self.key != *key {
            return None;
        }
        let at = self.view.place(parts.offset, parts.len)?;
        let ledger = self.owner.as_ref().map(|it| &it.ledger);
        let holds = ledger.is_none_or(|it| it.holds(parts.slot, parts.generation));
        Some(if holds { Ok(at) } else { Err(IpcError::Withdrawn) })
    }
}

/// A place for a view.
#[derive(Debug)]
pub(super) struct Slot {
    users: AtomicUsize,
    entry: UnsafeCell<Option<Entry>>,
    /// When it was used last, in uses of any; while there is a limit.
    pub(super) used: AtomicU64,
    /// How often a block in it was opened that needed nothing but looking.
    pub(super) hits: AtomicU64,
}

// SAFETY: the entry is written by `fill`, whose caller has the empty slot alone, and by
// `empty`, whose caller was told that it was the last user; all others only read it, as
// users. `Counts` orders these.
unsafe impl Sync for Slot {}

impl Slot {
    /// An empty one, which is there for ever.
    pub(super) fn leaked() -> &'static Self {
        Box::leak(Box::new(Self {
            users: AtomicUsize::new(Handles::ONE_WEAK.to_word()),
            entry: UnsafeCell::new(None),
            used: AtomicU64::new(0),
            hits: AtomicU64::new(0),
        }))
    }

    #[inline]
    fn counts(&self) -> Counts<'_> {
        Counts::new(&self.users)
    }

    /// Puts a view into the slot; the cache is its user.
    ///
    /// # Safety
    ///
    /// The slot is empty and the caller's alone: it was just made, or emptied.
    pub(super) unsafe fn fill(&self, entry: Entry) {
        // SAFETY: nobody is a user of an empty slot, so nobody reads the entry.
        unsafe { *self.entry.get() = Some(entry) };
        self.counts().begin();
    }

    /// Becomes a user of the view; its entry, or `None` if there is none.
    #[inline]
    pub(super) fn acquire(&self) -> Option<&Entry> {
        self.counts().upgrade().ok()?;
        // SAFETY: this is a user now, so nobody writes the entry.
        unsafe { &*self.entry.get() }.as_ref()
    }

    /// The entry, without becoming a user.
    ///
    /// # Safety
    ///
    /// Nobody fills or empties the slot for as long as the caller has the reference.
    pub(super) unsafe fn entry(&self) -> Option<&Entry> {
        // SAFETY: nobody writes the entry, as the caller knows.
        unsafe { &*self.entry.get() }.as_ref()
    }

    /// Is a user no more; whether it was the last, and has to [`empty`](Self::empty) the
    /// slot.
    #[inline]
    pub(super) fn release(&self) -> bool {
        self.counts().drop_strong()
    }

    /// Is a user no more, if it is the only one; whether it was, and has to
    /// [`empty`](Self::empty) the slot.
    pub(super) fn release_if_alone(&self) -> bool {
        self.counts().take()
    }

    /// How many users there are.
    pub(super) fn users(&self) -> usize {
        self.counts().get().strong
    }

    /// Takes the view out.
    ///
    /// # Safety
    ///
    /// The caller was told to.
    pub(super) unsafe fn empty(&self) -> Option<Entry> {
        // SAFETY: there are no users any more, and none can come.
        let entry = unsafe { (*self.entry.get()).take() };
        // The users' weak handle; the one for who has heard of the slot stays.
        let _ = self.counts().drop_weak();
        self.used.store(0, Ordering::Relaxed);
        entry
    }
}
