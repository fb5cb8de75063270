//! What a region remembers of the copies that were made into it.
//!
//! # What it guarantees
//!
//! - A group of pages is said to [hold](Memo::holds) what a source has only if it did at
//!   some moment, and neither has changed since, by their numbers of changes.
//!
//! # Protocol
//!
//! An update [notes](Memo::note) what it sees to be equal, or will be once it has copied;
//! then it counts only when it is [confirmed](Memo::confirm): by the same update, if its
//! copy is the one change since. Words are written by whoever has the lock, which is odd meanwhile
//! and another number afterwards, so that readers see when they read in between.

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering, fence};

use super::RegionId;

/// For one group of pages: which source they were last seen to be equal to.
///
/// All zero bytes are one that remembers nothing. It is a hint: nobody waits for it, and who
/// finds it locked goes on without.
#[derive(Default)]
#[repr(C)]
pub struct Memo {
    lock: AtomicU32,
    source: AtomicU32,
    source_changes: AtomicU32,
    own_changes: AtomicU32,
    /// The update that is yet to confirm it; 0 if none.
    pending: AtomicU32,
}

impl Memo {
    /// Whether the pages hold what `source` has, if these are both numbers of
    /// [changes](super::PageArray::changes), read before.
    #[must_use]
    #[inline]
    pub fn holds(&self, source: RegionId, source_changes: u32, own_changes: u32) -> bool {
        // Acquire: pairs with the Release in `locked`; the words are at least as new.
        let before = self.lock.load(Ordering::Acquire);
        let is_noted = self.source.load(Ordering::Relaxed) == source.number()
            && self.source_changes.load(Ordering::Relaxed) == source_changes
            && self.own_changes.load(Ordering::Relaxed) == own_changes
            && self.pending.load(Ordering::Relaxed) == 0;
        // Acquire: pairs with the fence in `locked`; had a word been newer, so were the lock.
        fence(Ordering::Acquire);
        is_noted && before.is_multiple_of(2) && self.lock.load(Ordering::Relaxed) == before
    }

    /// Notes that the pages hold what `source` has; or that they will, when the update
    /// `pending`, unless it is 0, has [confirmed](Self::confirm) that.
    pub fn note(&self, source: RegionId, source_changes: u32, own_changes: u32, pending: u32) {
        self.locked(|| {
            self.source.store(source.number(), Ordering::Relaxed);
            self.source_changes.store(source_changes, Ordering::Relaxed);
            self.own_changes.store(own_changes, Ordering::Relaxed);
            self.pending.store(pending, Ordering::Relaxed);
        });
    }

    /// Says that the update `pending` has copied, if that was the one change of the pages
    /// since: their number of changes is `own_changes` by now.
    pub fn confirm(&self, pending: u32, own_changes: u32) {
        self.locked(|| {
            let noted = self.own_changes.load(Ordering::Relaxed);
            if self.pending.load(Ordering::Relaxed) == pending
                && noted.wrapping_add(1) == own_changes
            {
                self.own_changes.store(own_changes, Ordering::Relaxed);
                self.pending.store(0, Ordering::Relaxed);
            }
        });
    }

    /// Writes, unless somebody else does.
    fn locked(&self, write: impl FnOnce()) {
        let free = self.lock.load(Ordering::Relaxed) & !1;
        let (acquire, relaxed) = (Ordering::Acquire, Ordering::Relaxed);
        // Acquire: pairs with the Release below.
        if self.lock.compare_exchange(free, free.wrapping_add(1), acquire, relaxed).is_err() {
            return;
        }
        // Release: pairs with the fence in `holds`; who sees a word sees the lock.
        fence(Ordering::Release);
        write();
        // Release: pairs with the Acquire in `holds`; publishes the words.
        self.lock.store(free.wrapping_add(2), Ordering::Release);
    }
}

impl fmt::Debug for Memo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [source, theirs, own, pending] =
            [&self.source, &self.source_changes, &self.own_changes, &self.pending]
                .map(|word| word.load(Ordering::Relaxed));
        write!(f, "Memo(region {source} at {theirs}, here at {own}, pending {pending})")
    }
}
