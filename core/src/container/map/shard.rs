//! One shard: a lock, and the table that it protects from other writers.
//!
//! # Order of stores
//!
//! The table and its control bytes are the truth; the counts are derived. Each
//! step makes its result visible with one word store, after everything that the
//! result consists of:
//!
//! | step | first | then, at once | then |
//! |---|---|---|---|
//! | insert | write the entry | control byte: occupied | counts |
//! | remove | | control byte: removed | next version; counts; read the entry |
//! | replace a word | | the value | |
//! | replace more | write the new entry to another slot; note both slots | new one occupied; next version | old one removed; next version; forget the note |
//! | change what owns blocks | version: changing | whatever the change does | next version, not changing |
//! | grow | next version, relinking; copy all entries to a new table | the table word | next version, not relinking; free the old table; counts |
//!
//! Growing is an exchange of the heap's, so that recovery frees the table that is
//! not named. Apart from that, a holder that dies leaves at worst an entry that
//! nobody knows of, counts that are off, a note, a version that is late, and a
//! value that owns blocks and is half-changed; [`Locked::take_over`] puts all but
//! the first right.
//!
//! # Readers without lock
//!
//! What they rely on is the protocol of [`Versions`]: control bytes are the marks,
//! the table word is the link. (Freeing the old table comes before the last
//! version of that row of the table above, for the heap does it as a part of the
//! exchange. It is not used again before: by this thread it cannot be, and others
//! learn of the free block from the heap, with what was stored before.)
//!
//! A reader may still be at a table that was freed, or at the block of a key that
//! was. Its memory stays mapped for as long as the heap is attached, with
//! whatever the next owner writes there, or zeros where its pages went back to the
//! system. The reader copies it with atomic loads, bounded by the table word and
//! the length that it read, uses no number from it as an address unless that lies
//! in the heap, and drops what it has when the version or the table word is
//! another one. An [open map](super::OpenMap) keeps [what it has seen](super::seen) of a
//! shard: tables by the version with which they go.

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe, TraceError, Tracer};
use super::locked::Locked;
use super::table::{self, Table};
use super::table_word::TableWord;
use crate::offset::Offset;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Acquired, LockWord, PATIENCE, Versions};

/// The state of a shard, on cache lines of its own. All zero bytes are an empty
/// shard.
#[repr(C, align(128))]
pub(super) struct Shard {
    lock: LockWord,
    /// A [`TableWord`].
    pub(super) table: AtomicUsize,
    /// Entries there are.
    pub(super) len: AtomicUsize,
    /// Slots that are other than empty.
    pub(super) used: AtomicUsize,
    /// The slot that an entry is moving from, while `moving_to` is not 0.
    pub(super) moving_from: AtomicUsize,
    /// One more than the slot that it is moving to.
    pub(super) moving_to: AtomicUsize,
    /// How often the lock was taken from a dead holder.
    pub(super) recoveries: AtomicUsize,
    version: AtomicUsize,
}

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(super) fn capacity(&self) -> usize {
        table::limit_of(self.table_word().slots())
    }

    pub(super) fn recoveries(&self) -> usize {
        self.recoveries.load(Ordering::Relaxed)
    }

    pub(super) fn table_word(&self) -> TableWord {
        TableWord::from_bits(self.table.load(Ordering::Relaxed))
    }

    /// What readers without lock go by.
    #[inline]
    pub(super) fn versions(&self) -> Versions<'_> {
        Versions::new(&self.version, &self.table)
    }

    /// The error of who waited for too long.
    #[cold]
    pub(super) fn busy(&self) -> ContainerError {
        ContainerError::Busy(self.lock.robust().holder())
    }

    /// Takes the lock and opens the table.
    ///
    /// It is waited for for [`PATIENCE`]: the closures that run under it are the
    /// user's, but a word that is damaged so that it names a living process would
    /// be waited for until that ends. Which thread of a process has it is not in
    /// the word, so a thread that comes again while it has the lock waits as long.
    #[inline(always)]
    pub(super) fn lock<K: ShmSafe, V: ShmSafe>(
        &self,
        heap: Heap,
    ) -> Result<Locked<'_, K, V>, ContainerError> {
        heap.writable()?;
        let taken = self.lock.robust().lock_within(PATIENCE, heap.model());
        let guard = taken.map_err(|holder| ContainerError::Busy(Some(holder)))?;
        if guard.acquired() == Acquired::Free {
            return Locked::open(self, heap, Some(guard));
        }
        Locked::take_over(self, heap, Some(guard))
    }

    /// Opens the table of a map that has one owner, whose lock thus matters to
    /// nobody.
    pub(super) fn own<K: ShmSafe, V: ShmSafe>(
        &mut self,
        heap: Heap,
    ) -> Result<Locked<'_, K, V>, ContainerError> {
        match self.lock.robust().holder() {
            None => Locked::open(self, heap, None),
            Some(_) => Locked::take_over(self, heap, None),
        }
    }
}

/// Names the tables of `count` shards.
///
/// # Safety
///
/// They are at `at`.
pub(super) unsafe fn trace_shards<K: ShmSafe, V: ShmSafe>(
    tracer: &mut Tracer<'_>,
    at: Offset,
    count: usize,
) -> Result<(), TraceError> {
    let shards = tracer.array::<Shard>(at, count)?;
    (0..count).try_for_each(|index| {
        // SAFETY: inside the heap and aligned (`array`); any bits are a shard.
        let word = unsafe { shards.add(index).as_ref() }.table_word();
        if word == TableWord::NONE { Ok(()) } else { Table::<K, V>::trace(word, tracer) }
    })
}
