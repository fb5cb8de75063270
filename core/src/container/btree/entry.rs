//! A place in a map: looked up once, and used then.

use core::fmt;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe};
use super::ShmBTreeMap;
use super::node::Pair;
use super::path::{Path, Step};

impl<K: ShmSafe + Ord, V: ShmSafe> ShmBTreeMap<K, V> {
    /// The place of `key`: its entry, or where it would be.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged; `key` is dropped.
    pub fn entry(&mut self, key: K) -> Result<Entry<'_, K, V>, ContainerError> {
        let heap = self.open_mut()?;
        let (path, found) = self.seek(heap, |it| it.cmp(&key))?;
        let found = path.last().filter(|_| found);
        let place = Place { map: self, heap, path };
        Ok(match found {
            Some(step) => Entry::Occupied(OccupiedEntry { place, step }),
            None => Entry::Vacant(VacantEntry { place, key }),
        })
    }
}

impl<K: ShmSafe, V: ShmSafe> ShmBTreeMap<K, V> {
    /// The first entry, to be changed or removed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn first_entry(&mut self) -> Result<Option<OccupiedEntry<'_, K, V>>, ContainerError> {
        let heap = self.open_mut()?;
        let path = self.first_path(heap)?;
        Ok(self.occupied(heap, path))
    }

    /// The last entry, to be changed or removed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn last_entry(&mut self) -> Result<Option<OccupiedEntry<'_, K, V>>, ContainerError> {
        let heap = self.open_mut()?;
        let path = self.last_path(heap)?;
        Ok(self.occupied(heap, path))
    }

    fn occupied(&mut self, heap: Heap, path: Path<K, V>) -> Option<OccupiedEntry<'_, K, V>> {
        let step = path.last()?;
        Some(OccupiedEntry { place: Place { map: self, heap, path }, step })
    }
}

/// Where an entry is, or would be.
struct Place<'m, K: ShmSafe, V: ShmSafe> {
    map: &'m mut ShmBTreeMap<K, V>,
    heap: Heap,
    path: Path<K, V>,
}

/// The place of a key in a map; see [`ShmBTreeMap::entry`].
#[derive(Debug)]
pub enum Entry<'m, K: ShmSafe, V: ShmSafe> {
    /// The key is there.
    Occupied(OccupiedEntry<'m, K, V>),
    /// It is not.
    Vacant(VacantEntry<'m, K, V>),
}

/// An entry that is in the map.
pub struct OccupiedEntry<'m, K: ShmSafe, V: ShmSafe> {
    place: Place<'m, K, V>,
    /// The last one of the path.
    step: Step<K, V>,
}

/// A key that is not in the map, and its place there.
pub struct VacantEntry<'m, K: ShmSafe, V: ShmSafe> {
    place: Place<'m, K, V>,
    key: K,
}

impl<'m, K: ShmSafe, V: ShmSafe> Entry<'m, K, V> {
    /// The value, which is `default` if there was none.
    ///
    /// # Errors
    ///
    /// The heap is full, or the map is damaged.
    pub fn or_insert(self, default: V) -> Result<&'m mut V, ContainerError> {
        self.or_insert_with(|| default)
    }

    /// The value, which `default` makes if there was none.
    ///
    /// # Errors
    ///
    /// The heap is full, or the map is damaged.
    pub fn or_insert_with(self, default: impl FnOnce() -> V) -> Result<&'m mut V, ContainerError> {
        self.or_try_insert_with(|| Ok(default()))
    }

    /// The value, which `default` makes in a heap if there was none.
    ///
    /// # Errors
    ///
    /// What `default` says, or the heap is full, or the map is damaged.
    pub fn or_try_insert_with(
        self,
        default: impl FnOnce() -> Result<V, ContainerError>,
    ) -> Result<&'m mut V, ContainerError> {
        match self {
            Self::Occupied(entry) => Ok(entry.into_mut()),
            Self::Vacant(entry) => entry.insert(default()?),
        }
    }

    /// The value, which is the default one if there was none.
    ///
    /// # Errors
    ///
    /// The heap is full, or the map is damaged.
    pub fn or_default(self) -> Result<&'m mut V, ContainerError>
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Changes the value if it is there.
    #[must_use]
    pub fn and_modify(mut self, change: impl FnOnce(&mut V)) -> Self {
        if let Self::Occupied(entry) = &mut self {
            change(entry.get_mut());
        }
        self
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &K {
        match self {
            Self::Occupied(entry) => entry.key(),
            Self::Vacant(entry) => entry.key(),
        }
    }
}

impl<'m, K: ShmSafe, V: ShmSafe> OccupiedEntry<'m, K, V> {
    /// The key that is in the map.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.entry().key
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> &V {
        &self.entry().value
    }

    /// The value, to be changed.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut V {
        let Step { node, index } = self.step;
        // SAFETY: an entry of the map, which is borrowed mutably.
        unsafe { &mut (*node.entry(index).as_ptr()).value }
    }

    /// The value, to be changed for as long as the map is borrowed.
    #[must_use]
    pub fn into_mut(self) -> &'m mut V {
        let Step { node, index } = self.step;
        // SAFETY: as in `get_mut`; the map is borrowed as long.
        unsafe { &mut (*node.entry(index).as_ptr()).value }
    }

    /// Exchanges the value at once; the one before.
    ///
    /// # Errors
    ///
    /// The map is damaged; `value` is lost.
    pub fn insert(&mut self, value: V) -> Result<V, ContainerError> {
        let Step { node, index } = self.step;
        self.place.map.exchange_value(self.place.heap, (node, index), value)
    }

    /// Removes the entry; the value.
    ///
    /// # Errors
    ///
    /// The map is damaged.
    pub fn remove(self) -> Result<V, ContainerError> {
        Ok(self.remove_entry()?.1)
    }

    /// Removes the entry.
    ///
    /// # Errors
    ///
    /// The map is damaged.
    pub fn remove_entry(self) -> Result<(K, V), ContainerError> {
        let Place { map, heap, path } = self.place;
        map.take(heap, path)
    }

    fn entry(&self) -> &Pair<K, V> {
        let Step { node, index } = self.step;
        // SAFETY: an entry of the map, which is borrowed.
        unsafe { &*node.entry(index).as_ptr() }
    }
}

impl<'m, K: ShmSafe, V: ShmSafe> VacantEntry<'m, K, V> {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The key, back.
    #[must_use]
    pub fn into_key(self) -> K {
        self.key
    }

    /// Adds the entry; its value.
    ///
    /// # Errors
    ///
    /// The heap is full, or the map is damaged; key and value are dropped.
    pub fn insert(self, value: V) -> Result<&'m mut V, ContainerError> {
        let (Place { map, heap, mut path }, key) = (self.place, self.key);
        let place = map.put(heap, &mut path, Pair { key, value })?;
        // SAFETY: an entry of the map, which is borrowed mutably as long.
        Ok(unsafe { &mut (*place.as_ptr()).value })
    }
}

impl<K: ShmSafe, V: ShmSafe> fmt::Debug for OccupiedEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OccupiedEntry(..)")
    }
}

impl<K: ShmSafe, V: ShmSafe> fmt::Debug for VacantEntry<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VacantEntry(..)")
    }
}
