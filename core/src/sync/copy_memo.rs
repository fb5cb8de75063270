//! What a group of pages was last seen to be a copy of.
//!
//! # What it guarantees
//!
//! - Pages are said to [hold](CopyMemo::holds) what a source has only if they did at some
//!   moment, and neither has changed since, by their numbers of changes.
//! - Nobody waits: who finds it locked goes on without, for it is a hint.
//!
//! # Protocol
//!
//! An update [notes](CopyMemo::note) what it sees to be equal, or will be once it has copied;
//! then it counts only when it is [confirmed](CopyMemo::confirm): by the same update, if its
//! copy is the one change since.
//!
//! | word | what it has |
//! |---|---|
//! | 0 | the lock: odd while somebody writes the others, and another number afterwards, so that readers see when they read in between |
//! | 1 | the source; 0 if nothing is noted |
//! | 2, 3 | the numbers of changes, of the source and of the copy |
//! | 4 | the update that is yet to confirm it; 0 if none |

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, Native};

/// The words that it takes, all 0 in the beginning.
pub const COPY_MEMO: usize = 5;

/// The protocol, over words that stand anywhere.
pub struct CopyMemo<'w, A: Atomics = Native> {
    lock: &'w A::U32,
    source: &'w A::U32,
    source_changes: &'w A::U32,
    own_changes: &'w A::U32,
    pending: &'w A::U32,
}

impl<'w, A: Atomics> CopyMemo<'w, A> {
    /// The memo that is in these words.
    #[must_use]
    #[inline]
    pub const fn new(words: &'w [A::U32; COPY_MEMO]) -> Self {
        let [lock, source, source_changes, own_changes, pending] = words;
        Self { lock, source, source_changes, own_changes, pending }
    }

    /// Whether the pages hold what `source` has, if these are both numbers of changes.
    #[must_use]
    #[inline]
    pub fn holds(&self, source: u32, source_changes: u32, own_changes: u32) -> bool {
        // Acquire: pairs with the Release in `locked`; the words are at least as new.
        let before = self.lock.load(Ordering::Acquire);
        let is_noted = self.source.load(Ordering::Relaxed) == source
            && self.source_changes.load(Ordering::Relaxed) == source_changes
            && self.own_changes.load(Ordering::Relaxed) == own_changes
            && self.pending.load(Ordering::Relaxed) == 0;
        // Acquire: pairs with the fence in `locked`; had a word been newer, so were the lock.
        A::fence(Ordering::Acquire);
        is_noted && before.is_multiple_of(2) && self.lock.load(Ordering::Relaxed) == before
    }

    /// Notes that the pages hold what `source` has; or that they will, when the update
    /// `pending`, unless it is 0, has [confirmed](Self::confirm) that.
    pub fn note(&self, source: u32, source_changes: u32, own_changes: u32, pending: u32) {
        self.locked(|| {
            self.source.store(source, Ordering::Relaxed);
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
        // Acquire: pairs with the Release below; what is written is seen.
        if self.lock.compare_exchange(free, free.wrapping_add(1), acquire, relaxed).is_err() {
            return;
        }
        // Release: pairs with the fence in `holds`; who sees a word sees the lock.
        A::fence(Ordering::Release);
        write();
        // Release: pairs with the Acquire in `holds`; publishes the words.
        self.lock.store(free.wrapping_add(2), Ordering::Release);
    }
}

impl<A: Atomics> fmt::Debug for CopyMemo<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [source, theirs, own, pending] =
            [self.source, self.source_changes, self.own_changes, self.pending]
                .map(|word| word.load(Ordering::Relaxed));
        write!(f, "CopyMemo(of {source} at {theirs}, here at {own}, pending {pending})")
    }
}
