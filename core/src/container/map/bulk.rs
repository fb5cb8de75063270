//! Many entries in and out.

use core::hash::Hash;

use super::ShmHashMap;
use super::table::{Entry, Slot};
use crate::allocator::Allocator;
use crate::container::{ContainerError, ShmSafe};

impl<K: ShmSafe + Hash + Eq, V: ShmSafe> ShmHashMap<K, V> {
    /// A map in `heap` with `entries`; the last one of several with the same key
    /// counts.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn from_iter_in(
        entries: impl IntoIterator<Item = (K, V)>,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let map = Self::new_in(heap)?;
        map.extend(entries)?;
        Ok(map)
    }

    /// Sets the values of many keys, one after the other.
    ///
    /// # Errors
    ///
    /// As for [`insert`](Self::insert); those before the one that failed are set.
    pub fn extend(&self, entries: impl IntoIterator<Item = (K, V)>) -> Result<(), ContainerError> {
        entries.into_iter().try_for_each(|(key, value)| self.insert(key, value).map(drop))
    }
}

impl<K: ShmSafe, V: ShmSafe> ShmHashMap<K, V> {
    /// Removes all entries, shard by shard, and hands them to `take`.
    ///
    /// `take` runs under the lock of a shard. If it panics, the entries that it
    /// did not get stay.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the map is damaged or
    /// [busy](Self#waiting); entries may have been removed.
    pub fn drain(&self, mut take: impl FnMut(K, V)) -> Result<(), ContainerError> {
        self.each_shard(|mut shard| {
            let mut from = Slot(0);
            while let Some(slot) = shard.full_from(from) {
                let Some(Entry { key, value }) = shard.remove(slot) else { break };
                take(key, value);
                from = Slot(slot.0 + 1);
            }
            Ok(())
        })
    }
}
