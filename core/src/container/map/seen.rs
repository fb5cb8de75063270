//! Shards whose tables were opened lately, and need not be bounded again.

use core::cell::Cell;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe};
use super::ShmKey;
use super::home::SHARD_BITS_AT;
use super::read::{Part, Unread, search};
use super::shard::Shard;
use super::table::Table;
use super::table_word::TableWord;
use crate::sync::{Snapshot, Version};

/// How many are kept: as many as a map has shards, unless it was made with more.
const KEPT: usize = 64;

/// The table of a shard, with the version with which it goes.
struct Kept<K, V> {
    version: Version,
    table: Table<K, V>,
}

impl<K, V> Kept<K, V> {
    const NONE: Self = Self { version: Version::NONE, table: Table::EMPTY };

    /// The bits of a hash from here on say where the one of its shard is: each is as many
    /// bytes as a power of two.
    const AT: u32 = SHARD_BITS_AT - size_of::<Self>().ilog2();

    /// How much larger a shard is.
    const SHARD: usize = {
        assert!(size_of::<Self>().is_power_of_two());
        size_of::<Shard>() / size_of::<Self>()
    };
}

impl<K, V> Clone for Kept<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Kept<K, V> {}

/// The shards of a map, and what was seen of them.
///
/// # Invariants
///
/// The shards are a power of two, and `last` is the number of the last one that is kept, in
/// bytes of what is kept: all bits that such a number can have, and no other.
pub(super) struct Seen<'m, K: ShmSafe, V: ShmSafe> {
    pub(super) shards: &'m [Shard],
    last: usize,
    kept: [Cell<Kept<K, V>>; KEPT],
    /// The words that named the tables.
    words: [Cell<TableWord>; KEPT],
}

impl<'m, K: ShmSafe, V: ShmSafe> Seen<'m, K, V> {
    /// Nothing yet, of shards that are a power of two.
    pub(super) fn new(shards: &'m [Shard]) -> Self {
        // Of more shards than there is room for, no version is kept.
        let kept = if shards.len() > KEPT { 1 } else { shards.len() };
        Self {
            shards,
            last: (kept - 1) * size_of::<Kept<K, V>>(),
            kept: [const { Cell::new(Kept::NONE) }; KEPT],
            words: [const { Cell::new(TableWord::NONE) }; KEPT],
        }
    }

    /// A part of the entry that `query` looks for, if that can be told by what is kept.
    ///
    /// The version is looked at before anything else: a table that was freed since is left
    /// alone, for its pages may be gone, and a system that is full has none to put there.
    #[inline(always)]
    pub(super) fn look<Q: ?Sized, P: Part<V>>(
        &self,
        hash: u64,
        query: &Q,
    ) -> Result<Option<P>, Unread>
    where
        K: ShmKey<Q>,
    {
        let place = (hash >> Kept::<K, V>::AT) as usize & self.last;
        // SAFETY: one of those that are kept (invariant).
        let kept = unsafe { &*(&raw const self.kept).byte_add(place).cast::<Cell<Kept<K, V>>>() };
        // SAFETY: one of the shards, of which there are as many at least (invariant).
        let shard = unsafe { &*self.shards.as_ptr().byte_add(place * Kept::<K, V>::SHARD) };
        let Kept { version, table } = kept.get();
        if !shard.versions().resumes_at(version) {
            return Err(Unread::Changed);
        }
        search(&table, hash, query, false, || shard.versions().is_at(version))
    }

    /// The table of the shard with the number `shard`, of which `snapshot` is.
    #[inline]
    pub(super) fn table(
        &self,
        shard: usize,
        heap: Heap,
        snapshot: &Snapshot<'_>,
    ) -> Result<Table<K, V>, ContainerError> {
        let place = shard % KEPT;
        let word = TableWord::from_bits(snapshot.link());
        let table = match self.words[place].get() == word {
            true => self.last(shard),
            false => open(heap, word)?,
        };
        let version = if self.shards.len() > KEPT { Version::NONE } else { snapshot.version() };
        self.words[place].set(word);
        self.kept[place].set(Kept { version, table });
        Ok(table)
    }

    /// The table that was seen there last, or another one.
    #[inline(always)]
    pub(super) fn last(&self, shard: usize) -> Table<K, V> {
        self.kept[shard % KEPT].get().table
    }
}

#[cold]
fn open<K, V>(heap: Heap, word: TableWord) -> Result<Table<K, V>, ContainerError> {
    if word == TableWord::NONE { Ok(Table::EMPTY) } else { Table::open(heap, word) }
}
