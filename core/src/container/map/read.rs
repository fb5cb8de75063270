//! Reading without a lock: nothing is written, and nobody waited for.
//!
//! An entry is copied, and the copy is used if nobody wrote meanwhile (see
//! [`shard`](super::shard)). So keys must be plain, or be told apart by what an
//! [`Unlocked`] one shows, and values must be plain.

use core::mem::MaybeUninit;
use core::ops::ControlFlow;
use core::ptr::NonNull;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe, racy};
use super::home::Home;
use super::shard::Shard;
use super::table::{Entry, Slot, Table};
use super::table_word::TableWord;
use super::{ShmKey, Unlocked};
use crate::sync::Snapshot;

/// How often a reader tries before it takes the lock: at each try but the first, a
/// writer got on.
const TRIES: u32 = 200;

/// Why nothing was read.
#[derive(Clone, Copy)]
pub(super) enum Unread {
    /// Somebody wrote.
    Changed,
    /// Only the holder of the lock can tell.
    Locked,
    /// The table word makes no sense.
    Corrupt,
    /// It was not looked for everywhere.
    Elsewhere,
}

/// What is copied of an entry: its value, or nothing.
pub(super) trait Part<V>: Sized {
    /// Copies it.
    ///
    /// # Safety
    ///
    /// That of [`racy::load`].
    unsafe fn of(value: NonNull<V>) -> Self;
}

impl<V> Part<V> for () {
    #[inline]
    unsafe fn of(_: NonNull<V>) -> Self {}
}

impl<V> Part<V> for MaybeUninit<V> {
    #[inline]
    unsafe fn of(value: NonNull<V>) -> Self {
        // SAFETY: passed on from the caller.
        unsafe { racy::load(value) }
    }
}

impl Shard {
    /// Visits entries, all of whose bytes are theirs, one after the other.
    pub(super) fn visit<K: ShmSafe, V: ShmSafe>(
        &self,
        heap: Heap,
        visit: &mut impl FnMut(&K, &V),
    ) -> Result<(), ContainerError> {
        let (mut next, mut link, mut tables) = (Slot(0), TableWord::NONE, 0);
        // At each try but the first, a writer got on since the last entry.
        let mut tries = 0;
        while tries < TRIES && tables < TRIES {
            let snapshot = self.versions().snapshot();
            let word = TableWord::from_bits(snapshot.link());
            if word == TableWord::NONE {
                return Ok(());
            }
            if word != link {
                (next, link, tables) = (Slot(0), word, tables + 1);
            }
            let table = Table::<K, V>::open(heap, word)?;
            let before = next;
            if visit_from(&table, &snapshot, &mut next, visit) {
                return Ok(());
            }
            tries = if next == before { tries + 1 } else { 0 };
            core::hint::spin_loop();
        }
        Err(self.busy())
    }
}

/// Visits plain entries from a slot on while the snapshot holds; whether that was
/// to the end.
fn visit_from<K: ShmSafe, V: ShmSafe>(
    table: &Table<K, V>,
    snapshot: &Snapshot<'_>,
    next: &mut Slot,
    visit: &mut impl FnMut(&K, &V),
) -> bool {
    while next.0 < table.slots() {
        if table.is_full(*next) {
            // SAFETY: as in `search`.
            let key = unsafe { racy::load(table.key(*next)) };
            // SAFETY: as above.
            let value = unsafe { racy::load(table.value(*next)) };
            if !snapshot.holds() {
                return false;
            }
            // SAFETY: as in `matches`.
            let key = unsafe { key.assume_init_ref() };
            // SAFETY: as above.
            visit(key, unsafe { value.assume_init_ref() });
        }
        next.0 += 1;
    }
    true
}

/// What became of attempts to read without the lock.
pub(super) enum Tried<R> {
    /// What there is.
    Done(Option<R>),
    /// The lock is needed, and may be taken.
    Lock,
}

impl<K: ShmSafe, V: ShmSafe> Home<'_, K, V> {
    /// The table on which a reader started.
    #[inline]
    pub(super) fn table(&self, snapshot: &Snapshot<'_>) -> Result<Table<K, V>, ContainerError> {
        Table::open(self.heap, TableWord::from_bits(snapshot.link()))
    }

    /// What `then` makes of a part of the entry that `query` looks for, and of the
    /// snapshot that it is of, if all goes well at the first attempt.
    ///
    /// Otherwise [`insist`](Self::insist) finds out again what is the matter: so
    /// there is little to keep at hand here, and all of it is in registers.
    #[inline(always)]
    pub(super) fn glance<Q: ?Sized, P: Part<V>, R>(
        &self,
        query: &Q,
        open: impl FnOnce(&Snapshot<'_>) -> Result<Table<K, V>, ContainerError>,
        then: impl FnMut(&Snapshot<'_>, P) -> Result<R, Unread>,
    ) -> Option<Option<R>>
    where
        K: ShmKey<Q>,
    {
        self.attempt(query, open, false, then).ok()
    }

    /// As [`glance`](Self::glance), some more times.
    #[cold]
    pub(super) fn insist<Q: ?Sized, P: Part<V>, R>(
        &self,
        query: &Q,
        mut then: impl FnMut(&Snapshot<'_>, P) -> Result<R, Unread>,
    ) -> Result<Tried<R>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let mut why = Unread::Changed;
        for _ in 0..TRIES {
            match self.attempt(query, |snapshot| self.table(snapshot), true, &mut then) {
                Ok(found) => return Ok(Tried::Done(found)),
                Err(Unread::Changed) => core::hint::spin_loop(),
                Err(other) => {
                    why = other;
                    break;
                }
            }
        }
        give_up(why, self.heap, self.shard)
    }

    /// One attempt to read.
    #[inline(always)]
    fn attempt<Q: ?Sized, P: Part<V>, R>(
        &self,
        query: &Q,
        open: impl FnOnce(&Snapshot<'_>) -> Result<Table<K, V>, ContainerError>,
        everywhere: bool,
        mut then: impl FnMut(&Snapshot<'_>, P) -> Result<R, Unread>,
    ) -> Result<Option<R>, Unread>
    where
        K: ShmKey<Q>,
    {
        let snapshot = self.shard.versions().snapshot();
        let Ok(table) = open(&snapshot) else {
            let word = TableWord::from_bits(snapshot.link());
            return if word == TableWord::NONE { Ok(None) } else { Err(Unread::Corrupt) };
        };
        let part = search(&table, self.hash, query, everywhere, || snapshot.holds())?;
        part.map(|part| then(&snapshot, part)).transpose()
    }
}

/// What is left to be done where a reader had no luck.
#[cold]
fn give_up<R>(why: Unread, heap: Heap, shard: &Shard) -> Result<Tried<R>, ContainerError> {
    match (why, heap.writable()) {
        (Unread::Corrupt, _) => Err(ContainerError::Corrupt),
        (_, Ok(())) => Ok(Tried::Lock),
        (Unread::Changed | Unread::Elsewhere, Err(_)) => Err(shard.busy()),
        (Unread::Locked, Err(read_only)) => Err(read_only),
    }
}

/// A part of the entry that `query` looks for, which was there at one moment;
/// looked for where it most likely is, or `everywhere`.
///
/// `holds` says whether nobody wrote since the search began.
#[inline(always)]
pub(super) fn search<K: ShmSafe + ShmKey<Q>, V: ShmSafe, Q: ?Sized, P: Part<V>>(
    table: &Table<K, V>,
    hash: u64,
    query: &Q,
    everywhere: bool,
    holds: impl Fn() -> bool,
) -> Result<Option<P>, Unread> {
    let look = |_, entry| {
        // SAFETY: in the heap and aligned (invariant of the table), and entries
        // are written atomically.
        let key = unsafe { racy::load(Entry::key_at(entry)) };
        // SAFETY: as above.
        let part = unsafe { P::of(Entry::value_at(entry)) };
        if !holds() {
            return Some(Err(Unread::Changed));
        }
        match matches(&key, query) {
            Some(false) => None,
            // Where the key owns blocks, they were only looked at now.
            Some(true) if K::PLAIN || holds() => Some(Ok(part)),
            Some(true) => Some(Err(Unread::Changed)),
            None => Some(Err(Unread::Locked)),
        }
    };
    let found = match everywhere {
        true => table.search(hash, look),
        false => match table.search_first(hash, look) {
            ControlFlow::Break(found) => found,
            ControlFlow::Continue(()) => return Err(Unread::Elsewhere),
        },
    };
    match found {
        Some(found) => found.map(Some),
        None if holds() => Ok(None),
        None => Err(Unread::Changed),
    }
}

/// Whether the copy of a key is the one that `query` looks for.
#[inline]
fn matches<K: ShmSafe + ShmKey<Q>, Q: ?Sized>(key: &MaybeUninit<K>, query: &Q) -> Option<bool> {
    if !K::PLAIN {
        return K::matches_unlocked(Unlocked::new(key), query);
    }
    // SAFETY: nobody wrote while it was copied, and a copy of a plain key is as
    // good as the key.
    Some(unsafe { key.assume_init_ref() }.matches(query))
}
