//! What is done with all entries: one shard is locked after the other.

use core::hash::Hash;

use super::ShmHashMap;
use super::shard::Locked;
use super::table::Slot;
use crate::container::heap::Heap;
use crate::container::{ContainerError, ShmSafe};

impl<K: ShmSafe, V: ShmSafe> ShmHashMap<K, V> {
    /// Visits all entries, shard by shard.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged; entries may have been
    /// visited.
    pub fn for_each(&self, mut visit: impl FnMut(&K, &V)) -> Result<(), ContainerError> {
        self.each_shard(|shard| {
            let Some(table) = shard.table() else { return Ok(()) };
            for slot in table.full_slots() {
                let entry = table.entry(slot);
                // SAFETY: the slot is full and the lock is held.
                let entry = unsafe { entry.as_ref() };
                visit(&entry.key, &entry.value);
            }
            Ok(())
        })
    }

    /// Removes the entries that `keep` says no to, shard by shard.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged; entries may have been
    /// removed.
    pub fn retain(&self, mut keep: impl FnMut(&K, &mut V) -> bool) -> Result<(), ContainerError> {
        self.each_shard(|mut shard| {
            let mut next = shard.full_from(Slot(0));
            while let Some(slot) = next {
                next = shard.full_from(Slot(slot.0 + 1));
                let Some(entry) = shard.entry(slot) else { break };
                if !keep(&entry.key, &mut entry.value) {
                    drop(shard.remove(slot));
                }
            }
            Ok(())
        })
    }

    /// Removes all entries, shard by shard, and keeps the room.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged; entries may have been
    /// removed.
    pub fn clear(&self) -> Result<(), ContainerError> {
        self.each_shard(|mut shard| {
            shard.clear();
            Ok(())
        })
    }

    /// Locks the shards one after the other.
    fn each_shard(
        &self,
        mut visit: impl FnMut(Locked<'_, K, V>) -> Result<(), ContainerError>,
    ) -> Result<(), ContainerError> {
        let heap = Heap::find(self.heap)?;
        (0..self.shards()).try_for_each(|index| visit(self.shard(heap, index)?.lock(heap)?))
    }
}

impl<K: ShmSafe + Hash + Eq, V: ShmSafe> ShmHashMap<K, V> {
    /// Makes room for `more` entries, were they spread evenly.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the map is damaged.
    pub fn reserve(&self, more: usize) -> Result<(), ContainerError> {
        // Hashes spread almost evenly; an eighth more is room enough for most.
        let share = more.div_ceil(self.shards().max(1));
        let share = if self.mask == 0 { share } else { share.saturating_add(share / 8 + 1) };
        self.each_shard(|mut shard| shard.reserve(share, self.rehash()))
    }

    /// Looks whether all counts are right and every entry is found.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.each_shard(|shard| shard.check(self.rehash()))
    }
}
