//! What is done with one key: one shard is read, or locked.

use core::hash::Hash;
use core::mem::MaybeUninit;

use super::locked::Locked;
use super::read::Tried;
use super::table::{Entry, Slot};
use super::{ShmHashMap, ShmKey};
use crate::allocator::Allocator;
use crate::container::heap::Heap;
use crate::container::{ContainerError, ShmSafe};

impl<K: ShmSafe + Hash + Eq, V: ShmSafe> ShmHashMap<K, V> {
    /// Sets the value of a key; returns the one that it had.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the map is damaged; `key` and
    /// `value` are dropped.
    pub fn insert(&self, key: K, value: V) -> Result<Option<V>, ContainerError> {
        let (hash, mut shard) = self.lock(&key)?;
        shard.reserve_to_replace(self.rehash());
        match shard.find(hash, |found| *found == key) {
            Some(slot) => {
                let old = shard.replace(slot, hash, value);
                // The key that is not needed may be slow to drop.
                drop(shard);
                old.map(|(_, old)| Some(old))
            }
            None => shard.insert(hash, Entry { key, value }, self.rehash()).map(|_| None),
        }
    }

    /// A copy of the value of a key.
    ///
    /// Takes no lock where key and value are [plain](ShmSafe::PLAIN), or the key
    /// is a string searched by `&str`.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged or
    /// [busy](Self#waiting).
    #[inline]
    pub fn get<Q: ?Sized>(&self, query: &Q) -> Result<Option<V>, ContainerError>
    where
        K: ShmKey<Q>,
        V: Copy,
    {
        self.with(query, |value| *value)
    }

    /// Reads the value of a key; `None` if there is none.
    ///
    /// Takes no lock where [`get`](Self::get) does not: what `read` gets is a copy
    /// of a plain value.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    #[inline]
    pub fn with<Q: ?Sized, R>(
        &self,
        query: &Q,
        read: impl FnOnce(&V) -> R,
    ) -> Result<Option<R>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        if V::PLAIN
            && let Some(copy) = self.glance(query, |_, copy: MaybeUninit<V>| Ok(copy))
        {
            // SAFETY: nobody wrote while it was copied, and a copy of a plain
            // value is as good as the value.
            return Ok(copy.map(|copy| read(unsafe { copy.assume_init_ref() })));
        }
        self.with_patience(query, read)
    }

    /// As [`with`](Self::with), where it is not done at a glance.
    #[cold]
    fn with_patience<Q: ?Sized, R>(
        &self,
        query: &Q,
        read: impl FnOnce(&V) -> R,
    ) -> Result<Option<R>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        if V::PLAIN
            && let Tried::Done(copy) = self.insist(query, |_, copy: MaybeUninit<V>| Ok(copy))?
        {
            // SAFETY: as in `with`.
            return Ok(copy.map(|copy| read(unsafe { copy.assume_init_ref() })));
        }
        self.with_locked(query, read)
    }

    /// As [`with`](Self::with), under the lock.
    pub(super) fn with_locked<Q: ?Sized, R>(
        &self,
        query: &Q,
        read: impl FnOnce(&V) -> R,
    ) -> Result<Option<R>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let (hash, shard) = self.lock(query)?;
        let found = shard.find(hash, |key| key.matches(query));
        Ok(found.and_then(|slot| shard.entry(slot)).map(|entry| read(&entry.value)))
    }

    /// Changes the value of a key; `None` if there is none.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the map is damaged or busy.
    #[inline]
    pub fn update<Q: ?Sized, R>(
        &self,
        query: &Q,
        change: impl FnOnce(&mut V) -> R,
    ) -> Result<Option<R>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let (hash, mut shard) = self.lock(query)?;
        shard.reserve_to_replace(self.rehash());
        let Some(slot) = shard.find(hash, |key| key.matches(query)) else { return Ok(None) };
        shard.change(slot, hash, change).map(|(_, result)| Some(result))
    }

    /// Changes the value of a key, after adding `default` if there was none.
    ///
    /// `make_key` gets the map's heap, to build the key in it:
    ///
    /// ```
    /// # use anymem_core::container::{ContainerError, ShmHashMap, ShmString};
    /// fn count(map: &ShmHashMap<ShmString, u64>, word: &str) -> Result<u64, ContainerError> {
    ///     map.upsert(word, |heap| ShmString::from_str_in(word, heap), 0, |count| {
    ///         *count += 1;
    ///         *count
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// That of `make_key`, the heap is full or not attached, or the map is
    /// damaged.
    #[inline]
    pub fn upsert<Q: ?Sized, R>(
        &self,
        query: &Q,
        make_key: impl FnOnce(&dyn Allocator) -> Result<K, ContainerError>,
        default: V,
        change: impl FnOnce(&mut V) -> R,
    ) -> Result<R, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let (hash, mut shard) = self.lock(query)?;
        shard.reserve_to_replace(self.rehash());
        let slot = match shard.find(hash, |key| key.matches(query)) {
            Some(slot) => slot,
            None => self.add(&mut shard, hash, make_key, default)?,
        };
        shard.change(slot, hash, change).map(|(_, result)| result)
    }

    /// Removes a key; returns its value.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn remove<Q: ?Sized>(&self, query: &Q) -> Result<Option<V>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        Ok(self.remove_entry(query)?.map(|(_, value)| value))
    }

    /// Removes a key; returns it with its value.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn remove_entry<Q: ?Sized>(&self, query: &Q) -> Result<Option<(K, V)>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let (hash, mut shard) = self.lock(query)?;
        let Some(slot) = shard.find(hash, |key| key.matches(query)) else { return Ok(None) };
        Ok(shard.remove(slot).map(|entry| (entry.key, entry.value)))
    }

    /// Whether there is such a key.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    #[inline]
    pub fn contains_key<Q: ?Sized>(&self, query: &Q) -> Result<bool, ContainerError>
    where
        K: ShmKey<Q>,
    {
        if let Some(found) = self.glance(query, |_, ()| Ok(())) {
            return Ok(found.is_some());
        }
        self.contains_key_with_patience(query)
    }

    /// As [`contains_key`](Self::contains_key), where it is not done at a glance.
    #[cold]
    fn contains_key_with_patience<Q: ?Sized>(&self, query: &Q) -> Result<bool, ContainerError>
    where
        K: ShmKey<Q>,
    {
        if let Tried::Done(found) = self.insist(query, |_, ()| Ok(()))? {
            return Ok(found.is_some());
        }
        let (hash, shard) = self.lock(query)?;
        Ok(shard.find(hash, |key| key.matches(query)).is_some())
    }

    /// The hash of `query`, and its shard, locked.
    #[inline]
    pub(super) fn lock<Q: ?Sized>(
        &self,
        query: &Q,
    ) -> Result<(u64, Locked<'_, K, V>), ContainerError>
    where
        K: ShmKey<Q>,
    {
        let (heap, hash, shard) = self.find_shard(query)?;
        Ok((hash, shard.lock(heap)?))
    }

    #[cold]
    fn add(
        &self,
        shard: &mut Locked<'_, K, V>,
        hash: u64,
        make_key: impl FnOnce(&dyn Allocator) -> Result<K, ContainerError>,
        value: V,
    ) -> Result<Slot, ContainerError> {
        let key = make_key(Heap::find(self.heap)?.allocator())?;
        shard.insert(hash, Entry { key, value }, self.rehash())
    }
}
