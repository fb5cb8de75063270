//! What is done with all entries: one shard is locked after the other.

use core::hash::Hash;

use super::ShmHashMap;
use super::locked::Locked;
use super::table::Slot;
use crate::container::{ContainerError, ShmSafe};

impl<K: ShmSafe, V: ShmSafe> ShmHashMap<K, V> {
    /// Visits all entries, shard by shard.
    ///
    /// In a heap that is opened read-only no lock is taken, and only
    /// [plain](ShmSafe::PLAIN) entries are visited. Those that others move
    /// meanwhile, because they change them or add others, may be visited twice or
    /// not at all.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged or busy; entries may have
    /// been visited.
    pub fn for_each(&self, mut visit: impl FnMut(&K, &V)) -> Result<(), ContainerError> {
        let (heap, shards) = self.find()?;
        if K::PLAIN && V::PLAIN && heap.writable().is_err() {
            return shards.iter().try_for_each(|shard| shard.visit(heap, &mut visit));
        }
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
    pub(super) fn each_shard(
        &self,
        mut visit: impl FnMut(Locked<'_, K, V>) -> Result<(), ContainerError>,
    ) -> Result<(), ContainerError> {
        let (heap, shards) = self.find()?;
        shards.iter().try_for_each(|shard| visit(shard.lock(heap)?))
    }
}

impl<K: ShmSafe + Hash + Eq, V: ShmSafe> ShmHashMap<K, V> {
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
                if !self.keep(&mut shard, slot, &mut keep)? {
                    drop(shard.remove(slot));
                }
            }
            Ok(())
        })
    }

    /// Whether `keep` says yes to the entry at `slot`.
    fn keep(
        &self,
        shard: &mut Locked<'_, K, V>,
        slot: Slot,
        keep: &mut impl FnMut(&K, &mut V) -> bool,
    ) -> Result<bool, ContainerError> {
        let key = shard.table().ok_or(ContainerError::Corrupt)?.key(slot);
        // SAFETY: the slot is full and the lock is held; what changes is the value
        // beside the key.
        let key = unsafe { key.as_ref() };
        shard.change_there(slot, self.rehash()(key), |value| keep(key, value))
    }

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
