//! What is done with one key, where it belongs: its shard is read, or locked.

use core::hash::{BuildHasher, Hash, Hasher};
use core::mem::MaybeUninit;

use foldhash::fast::FixedState;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe};
use super::locked::Locked;
use super::read::Tried;
use super::shard::Shard;
use super::table::{Entry, Slot, Table};
use super::{ShmHashMap, ShmKey};
use crate::allocator::Allocator;
use crate::sync::Snapshot;

/// The bits of a hash from here on say which shard: the highest, for the table takes the
/// others.
pub(super) const SHARD_BITS_AT: u32 = 48;

/// Where a key belongs.
pub(super) struct Home<'m, K: ShmSafe, V: ShmSafe> {
    pub(super) map: &'m ShmHashMap<K, V>,
    pub(super) heap: Heap,
    pub(super) shard: &'m Shard,
    pub(super) hash: u64,
}

impl<K: ShmSafe, V: ShmSafe> Clone for Home<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: ShmSafe, V: ShmSafe> Copy for Home<'_, K, V> {}

/// The hash of `query` in a map with that seed.
#[inline]
pub(super) fn hash_of<K: ShmKey<Q>, Q: ?Sized>(seed: u64, query: &Q) -> u64 {
    hash_with::<K, Q>(&FixedState::with_seed(seed), query)
}

/// The hash of `query` in a map whose seed that is.
#[inline(always)]
pub(super) fn hash_with<K: ShmKey<Q>, Q: ?Sized>(state: &FixedState, query: &Q) -> u64 {
    let mut hasher = state.build_hasher();
    K::hash_query(query, &mut hasher);
    hasher.finish()
}

/// The number of the shard of a key with that hash, for a map whose last shard has the
/// number `last`.
#[inline]
pub(super) fn shard_of(hash: u64, last: usize) -> usize {
    (hash >> SHARD_BITS_AT) as usize & last
}

impl<'m, K: ShmSafe + Hash + Eq, V: ShmSafe> Home<'m, K, V> {
    /// The shard, locked.
    #[inline(always)]
    pub(super) fn lock(&self) -> Result<Locked<'m, K, V>, ContainerError> {
        self.shard.lock(self.heap)
    }

    /// Reads the value, in the table that `open` opens.
    #[inline(always)]
    pub(super) fn with<Q: ?Sized, R>(
        &self,
        query: &Q,
        open: impl FnOnce(&Snapshot<'_>) -> Result<Table<K, V>, ContainerError>,
        read: impl FnOnce(&V) -> R,
    ) -> Result<Option<R>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        if V::PLAIN
            && let Some(copy) = self.glance(query, open, |_, copy: MaybeUninit<V>| Ok(copy))
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
        self,
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
        let shard = self.lock()?;
        let found = shard.find(self.hash, |key| key.matches(query));
        Ok(found.and_then(|slot| shard.entry(slot)).map(|entry| read(&entry.value)))
    }

    /// Whether the key is there, in the table that `open` opens.
    #[inline(always)]
    pub(super) fn contains_key<Q: ?Sized>(
        &self,
        query: &Q,
        open: impl FnOnce(&Snapshot<'_>) -> Result<Table<K, V>, ContainerError>,
    ) -> Result<bool, ContainerError>
    where
        K: ShmKey<Q>,
    {
        if let Some(found) = self.glance(query, open, |_, ()| Ok(())) {
            return Ok(found.is_some());
        }
        self.contains_key_with_patience(query)
    }

    /// As [`contains_key`](Self::contains_key), where it is not done at a glance.
    #[cold]
    fn contains_key_with_patience<Q: ?Sized>(self, query: &Q) -> Result<bool, ContainerError>
    where
        K: ShmKey<Q>,
    {
        if let Tried::Done(found) = self.insist(query, |_, ()| Ok(()))? {
            return Ok(found.is_some());
        }
        let shard = self.lock()?;
        Ok(shard.find(self.hash, |key| key.matches(query)).is_some())
    }

    /// As [`ShmHashMap::insert`].
    pub(super) fn insert(&self, key: K, value: V) -> Result<Option<V>, ContainerError> {
        let mut shard = self.lock()?;
        shard.reserve_to_replace(self.map.rehash());
        match shard.find(self.hash, |found| *found == key) {
            Some(slot) => {
                let old = shard.replace(slot, self.hash, value);
                // The key that is not needed may be slow to drop.
                drop(shard);
                old.map(|(_, old)| Some(old))
            }
            None => shard.insert(self.hash, Entry { key, value }, self.map.rehash()).map(|_| None),
        }
    }

    /// As [`ShmHashMap::update`].
    #[inline]
    pub(super) fn update<Q: ?Sized, R>(
        &self,
        query: &Q,
        change: impl FnOnce(&mut V) -> R,
    ) -> Result<Option<R>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let mut shard = self.lock()?;
        shard.reserve_to_replace(self.map.rehash());
        let Some(slot) = shard.find(self.hash, |key| key.matches(query)) else { return Ok(None) };
        shard.change(slot, self.hash, change).map(|(_, result)| Some(result))
    }

    /// As [`ShmHashMap::upsert`].
    #[inline]
    pub(super) fn upsert<Q: ?Sized, R>(
        &self,
        query: &Q,
        make_key: impl FnOnce(&dyn Allocator) -> Result<K, ContainerError>,
        default: V,
        change: impl FnOnce(&mut V) -> R,
    ) -> Result<R, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let mut shard = self.lock()?;
        shard.reserve_to_replace(self.map.rehash());
        let slot = match shard.find(self.hash, |key| key.matches(query)) {
            Some(slot) => slot,
            None => self.add(&mut shard, make_key, default)?,
        };
        shard.change(slot, self.hash, change).map(|(_, result)| result)
    }

    #[cold]
    fn add(
        &self,
        shard: &mut Locked<'_, K, V>,
        make_key: impl FnOnce(&dyn Allocator) -> Result<K, ContainerError>,
        value: V,
    ) -> Result<Slot, ContainerError> {
        let key = make_key(self.heap.allocator())?;
        shard.insert(self.hash, Entry { key, value }, self.map.rehash())
    }

    /// As [`ShmHashMap::remove_entry`].
    pub(super) fn remove_entry<Q: ?Sized>(
        &self,
        query: &Q,
    ) -> Result<Option<(K, V)>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let mut shard = self.lock()?;
        let Some(slot) = shard.find(self.hash, |key| key.matches(query)) else { return Ok(None) };
        Ok(shard.remove(slot).map(|entry| (entry.key, entry.value)))
    }
}
