//! How a shard gets room.

use core::sync::atomic::Ordering;

use super::super::{ContainerError, ShmSafe};
use super::locked::{Locked, is_one_store};
use super::table::{self, Table};

impl<K: ShmSafe, V: ShmSafe> Locked<'_, K, V> {
    /// Makes room for `more` entries.
    #[inline]
    pub(super) fn reserve(
        &mut self,
        more: usize,
        rehash: impl Fn(&K) -> u64,
    ) -> Result<(), ContainerError> {
        let used = self.shard.used.load(Ordering::Relaxed);
        let needed = used.saturating_add(more);
        if self.table().is_some_and(|table| needed <= table.limit()) {
            return Ok(());
        }
        self.grow(more, rehash)
    }

    /// Makes room for a value that is replaced, before its slot is looked for.
    ///
    /// There is a slot in any case. But if each replacement took another one and
    /// none became empty, searches would get longer and longer.
    #[inline]
    pub(super) fn reserve_to_replace(&mut self, rehash: impl Fn(&K) -> u64) {
        if !is_one_store::<V>() && self.table.is_some() {
            // Where the heap is full, it is done with the slots there are.
            let _ = self.reserve(1, rehash);
        }
    }

    /// Moves to a table with room for `more` entries, and then some; also one
    /// of the same size, without the removed slots.
    #[cold]
    fn grow(&mut self, more: usize, rehash: impl Fn(&K) -> u64) -> Result<(), ContainerError> {
        let len = self.table().map_or(0, |table| table.count().0);
        let needed = len.saturating_add(more);
        let generous = needed.max(len.saturating_add(len / 2));
        let new = self
            .exchange_table(table::slots_for(generous)?, &rehash)
            .or_else(|_| self.exchange_table(table::slots_for(needed)?, &rehash))?;
        self.shard.used.store(len, Ordering::Relaxed);
        self.shard.len.store(len, Ordering::Relaxed);
        self.table = Some(new);
        Ok(())
    }

    /// Moves all entries to a new table.
    fn exchange_table(
        &self,
        slots: usize,
        rehash: &impl Fn(&K) -> u64,
    ) -> Result<Table<K, V>, ContainerError> {
        let (old, link) = (self.table(), &self.shard.table);
        let fill = |new: &Table<K, V>| {
            if let Some(old) = old {
                copy_entries(old, new, rehash);
            }
        };
        self.shard.versions().relink(|| {
            // SAFETY: the lock is held, so nobody else stores to the word, which
            // names the old table; all of its entries move.
            unsafe { Table::exchange(self.heap, link, old, slots, fill) }
        })
    }
}

/// Copies all entries to another table, which is theirs as soon as the shard
/// names it.
fn copy_entries<K, V>(from: &Table<K, V>, to: &Table<K, V>, rehash: impl Fn(&K) -> u64) {
    for slot in from.full_slots() {
        let entry = from.entry(slot);
        // SAFETY: the slot is full and the lock is held.
        let hash = rehash(unsafe { &entry.as_ref().key });
        // There is room for all that were counted.
        let Some((place, _)) = to.vacancy(hash) else { return };
        // SAFETY: no entry is there, in a block of its own. (In a damaged map
        // they may overlap.)
        unsafe { to.entry(place).copy_from(entry, 1) };
        to.publish(place, hash);
    }
}
