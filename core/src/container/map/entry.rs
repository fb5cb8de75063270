//! One key, with the lock of its shard held.

use core::fmt;
use core::hash::Hash;

use super::ShmHashMap;
use super::locked::Locked;
use super::table::{self, Slot};
use crate::allocator::Allocator;
use crate::container::heap::Heap;
use crate::container::{ContainerError, ShmSafe};

/// A key of a map, which has a value or not; nobody else changes that while this
/// lives.
///
/// It holds the lock of the key's shard. To use the same map meanwhile may wait
/// until that is too long, and give [`ContainerError::Busy`].
#[derive(Debug)]
#[must_use = "it holds a lock for nothing"]
pub enum Entry<'m, K: ShmSafe, V: ShmSafe> {
    /// There is a value.
    Occupied(OccupiedEntry<'m, K, V>),
    /// There is none.
    Vacant(VacantEntry<'m, K, V>),
}

/// A key that has a value.
#[must_use = "it holds a lock for nothing"]
pub struct OccupiedEntry<'m, K: ShmSafe, V: ShmSafe> {
    shard: Locked<'m, K, V>,
    slot: Slot,
    hash: u64,
}

/// A key that has no value.
#[must_use = "it holds a lock for nothing"]
pub struct VacantEntry<'m, K: ShmSafe, V: ShmSafe> {
    map: &'m ShmHashMap<K, V>,
    shard: Locked<'m, K, V>,
    hash: u64,
    key: K,
}

impl<K: ShmSafe + Hash + Eq, V: ShmSafe> ShmHashMap<K, V> {
    /// The entry of a key, to look at and to change.
    ///
    /// ```
    /// # use anymem_core::container::{ContainerError, ShmHashMap};
    /// fn count(map: &ShmHashMap<u32, u64>, number: u32) -> Result<(), ContainerError> {
    ///     map.entry(number)?.or_insert(0)?.update(|count| *count += 1)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the map is damaged or
    /// [busy](Self#waiting).
    pub fn entry(&self, key: K) -> Result<Entry<'_, K, V>, ContainerError> {
        let home = self.home(&key)?;
        let (hash, mut shard) = (home.hash, home.lock()?);
        shard.reserve_to_replace(self.rehash());
        Ok(match shard.find(hash, |found| *found == key) {
            Some(slot) => Entry::Occupied(OccupiedEntry { shard, slot, hash }),
            None => Entry::Vacant(VacantEntry { map: self, shard, hash, key }),
        })
    }

    /// A copy of the value of a key, which `make` makes if there was none.
    ///
    /// `make` gets the map's heap, and runs under the lock: it is called once,
    /// however many ask at a time. Who finds a value takes no lock where
    /// [`get`](Self::get) does not.
    ///
    /// # Errors
    ///
    /// That of `make`, or the heap is full, not attached or read-only, or the map
    /// is damaged or [busy](Self#waiting).
    pub fn get_or_insert_with(
        &self,
        key: K,
        make: impl FnOnce(&dyn Allocator) -> Result<V, ContainerError>,
    ) -> Result<V, ContainerError>
    where
        V: Copy,
    {
        if let Some(value) = self.get(&key)? {
            return Ok(value);
        }
        self.entry(key)?.or_insert_with(make)?.get().copied()
    }
}

impl<'m, K: ShmSafe + Hash, V: ShmSafe> Entry<'m, K, V> {
    /// The key.
    ///
    /// # Errors
    ///
    /// The map is damaged.
    pub fn key(&self) -> Result<&K, ContainerError> {
        match self {
            Self::Occupied(entry) => entry.key(),
            Self::Vacant(entry) => Ok(entry.key()),
        }
    }

    /// Changes the value, if there is one.
    ///
    /// # Errors
    ///
    /// The map is damaged.
    pub fn and_modify(self, change: impl FnOnce(&mut V)) -> Result<Self, ContainerError> {
        match self {
            Self::Occupied(mut entry) => {
                entry.update(change)?;
                Ok(Self::Occupied(entry))
            }
            vacant => Ok(vacant),
        }
    }

    /// The entry, with `value` if there was none.
    ///
    /// # Errors
    ///
    /// The heap is full, or the map is damaged; `value` is dropped.
    pub fn or_insert(self, value: V) -> Result<OccupiedEntry<'m, K, V>, ContainerError> {
        self.or_insert_with(|_| Ok(value))
    }

    /// The entry, with the value that `make` makes if there was none.
    ///
    /// `make` gets the map's heap.
    ///
    /// # Errors
    ///
    /// That of `make`, the heap is full, or the map is damaged.
    pub fn or_insert_with(
        self,
        make: impl FnOnce(&dyn Allocator) -> Result<V, ContainerError>,
    ) -> Result<OccupiedEntry<'m, K, V>, ContainerError> {
        match self {
            Self::Occupied(entry) => Ok(entry),
            Self::Vacant(entry) => {
                let value = make(Heap::find(entry.map.heap)?.allocator())?;
                entry.insert(value)
            }
        }
    }
}

impl<K: ShmSafe, V: ShmSafe> OccupiedEntry<'_, K, V> {
    /// The key.
    ///
    /// # Errors
    ///
    /// The map is damaged.
    pub fn key(&self) -> Result<&K, ContainerError> {
        self.entry().map(|entry| &entry.key)
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// The map is damaged.
    pub fn get(&self) -> Result<&V, ContainerError> {
        self.entry().map(|entry| &entry.value)
    }

    /// Changes the value.
    ///
    /// # Errors
    ///
    /// The map is damaged.
    pub fn update<R>(&mut self, change: impl FnOnce(&mut V) -> R) -> Result<R, ContainerError> {
        let (slot, result) = self.shard.change(self.slot, self.hash, change)?;
        self.slot = slot;
        Ok(result)
    }

    /// Sets the value; returns the one that was there.
    ///
    /// # Errors
    ///
    /// The map is damaged; `value` is dropped.
    pub fn insert(&mut self, value: V) -> Result<V, ContainerError> {
        let (slot, old) = self.shard.replace(self.slot, self.hash, value)?;
        self.slot = slot;
        Ok(old)
    }

    /// Removes the key; returns its value.
    ///
    /// # Errors
    ///
    /// The map is damaged.
    pub fn remove(self) -> Result<V, ContainerError> {
        self.remove_entry().map(|(_, value)| value)
    }

    /// Removes the key; returns it with its value.
    ///
    /// # Errors
    ///
    /// The map is damaged.
    pub fn remove_entry(mut self) -> Result<(K, V), ContainerError> {
        let entry = self.shard.remove(self.slot).ok_or(ContainerError::Corrupt)?;
        Ok((entry.key, entry.value))
    }

    fn entry(&self) -> Result<&table::Entry<K, V>, ContainerError> {
        self.shard.entry(self.slot).ok_or(ContainerError::Corrupt)
    }
}

impl<'m, K: ShmSafe + Hash, V: ShmSafe> VacantEntry<'m, K, V> {
    /// The key.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The key, and no lock any more.
    pub fn into_key(self) -> K {
        self.key
    }

    /// Adds the key with a value.
    ///
    /// # Errors
    ///
    /// The heap is full, or the map is damaged; key and value are dropped.
    pub fn insert(self, value: V) -> Result<OccupiedEntry<'m, K, V>, ContainerError> {
        let Self { map, mut shard, hash, key } = self;
        let slot = shard.insert(hash, table::Entry { key, value }, map.rehash())?;
        Ok(OccupiedEntry { shard, slot, hash })
    }
}

impl<K: ShmSafe, V: ShmSafe> fmt::Debug for OccupiedEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OccupiedEntry")
    }
}

impl<K: ShmSafe, V: ShmSafe> fmt::Debug for VacantEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VacantEntry")
    }
}
