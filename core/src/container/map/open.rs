//! A map that was found once, for many calls.

use core::fmt;
use core::hash::{BuildHasher, Hash, Hasher};
use core::mem::MaybeUninit;
use core::ops::Deref;

use foldhash::fast::FixedState;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe};
use super::locked::Locked;
use super::read::Tried;
use super::shard::Shard;
use super::table::{Entry, Slot};
use super::{MOST_SHARDS, ShmHashMap, ShmKey};
use crate::allocator::Allocator;

/// A [`ShmHashMap`] with its heap and its shards looked up: what every call on the
/// map does first.
///
/// For loops of many calls, each of which saves these steps. It is the map in every
/// other way, and has all of its methods.
///
/// ```
/// # use anymem_core::container::{ContainerError, ShmHashMap};
/// fn sum(prices: &ShmHashMap<u64, u64>, order: &[u64]) -> Result<u64, ContainerError> {
///     let prices = prices.open()?;
///     order.iter().try_fold(0, |sum, item| Ok(sum + prices.get(item)?.unwrap_or(0)))
/// }
/// ```
///
/// # Invariants
///
/// The shards lie in the heap, and there is at least one.
pub struct OpenMap<'m, K: ShmSafe, V: ShmSafe> {
    map: &'m ShmHashMap<K, V>,
    heap: Heap,
    shards: &'m [Shard],
    seed: u64,
}

impl<K: ShmSafe, V: ShmSafe> ShmHashMap<K, V> {
    /// Looks the heap and the shards up, for many calls.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    #[inline]
    pub fn open(&self) -> Result<OpenMap<'_, K, V>, ContainerError> {
        let heap = Heap::find(self.heap)?;
        let last = self.mask;
        if last >= MOST_SHARDS {
            return Err(ContainerError::Corrupt);
        }
        let shards = heap.array::<Shard>(self.shards.offset(), last + 1)?;
        // SAFETY: in the heap and aligned (`array`), and there for as long as the
        // map is; all of a shard is atomic, and any bits are a shard.
        let shards = unsafe { core::slice::from_raw_parts(shards.as_ptr(), last + 1) };
        Ok(OpenMap { map: self, heap, shards, seed: self.seed })
    }
}

impl<'m, K: ShmSafe, V: ShmSafe> OpenMap<'m, K, V> {
    #[inline]
    pub(super) fn heap(&self) -> Heap {
        self.heap
    }

    #[inline]
    pub(super) fn shards(&self) -> &'m [Shard] {
        self.shards
    }

    /// The hash of `query`, and its shard.
    #[inline]
    pub(super) fn find_shard<Q: ?Sized>(&self, query: &Q) -> (u64, &'m Shard)
    where
        K: ShmKey<Q>,
    {
        let mut hasher = FixedState::with_seed(self.seed).build_hasher();
        K::hash_query(query, &mut hasher);
        let hash = hasher.finish();
        // The highest bits: the table takes the others.
        let index = (hash >> 48) as usize & (self.shards.len() - 1);
        // SAFETY: masked with the last one's number, and there is one (invariant).
        (hash, unsafe { self.shards.get_unchecked(index) })
    }

    /// The hash of `query`, and its shard, locked.
    #[inline(always)]
    pub(super) fn lock<Q: ?Sized>(
        &self,
        query: &Q,
    ) -> Result<(u64, Locked<'m, K, V>), ContainerError>
    where
        K: ShmKey<Q>,
    {
        let (hash, shard) = self.find_shard(query);
        Ok((hash, shard.lock(self.heap)?))
    }
}

/// What is done with one key, as the map does it.
impl<K: ShmSafe + Hash + Eq, V: ShmSafe> OpenMap<'_, K, V> {
    /// As [`ShmHashMap::get`].
    ///
    /// # Errors
    ///
    /// The map is damaged or [busy](ShmHashMap#waiting).
    #[inline(always)]
    pub fn get<Q: ?Sized>(&self, query: &Q) -> Result<Option<V>, ContainerError>
    where
        K: ShmKey<Q>,
        V: Copy,
    {
        self.with(query, |value| *value)
    }

    /// As [`ShmHashMap::with`].
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    #[inline(always)]
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
        let (hash, shard) = self.lock(query)?;
        let found = shard.find(hash, |key| key.matches(query));
        Ok(found.and_then(|slot| shard.entry(slot)).map(|entry| read(&entry.value)))
    }

    /// As [`ShmHashMap::contains_key`].
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    #[inline(always)]
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
    fn contains_key_with_patience<Q: ?Sized>(self, query: &Q) -> Result<bool, ContainerError>
    where
        K: ShmKey<Q>,
    {
        if let Tried::Done(found) = self.insist(query, |_, ()| Ok(()))? {
            return Ok(found.is_some());
        }
        let (hash, shard) = self.lock(query)?;
        Ok(shard.find(hash, |key| key.matches(query)).is_some())
    }

    /// As [`ShmHashMap::insert`].
    ///
    /// # Errors
    ///
    /// The heap is full or read-only, or the map is damaged or busy; `key` and
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

    /// As [`ShmHashMap::update`].
    ///
    /// # Errors
    ///
    /// The heap is read-only, or the map is damaged or busy.
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

    /// As [`ShmHashMap::upsert`].
    ///
    /// # Errors
    ///
    /// That of `make_key`, the heap is full or read-only, or the map is damaged or
    /// busy.
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

    #[cold]
    fn add(
        &self,
        shard: &mut Locked<'_, K, V>,
        hash: u64,
        make_key: impl FnOnce(&dyn Allocator) -> Result<K, ContainerError>,
        value: V,
    ) -> Result<Slot, ContainerError> {
        let key = make_key(self.heap.allocator())?;
        shard.insert(hash, Entry { key, value }, self.rehash())
    }

    /// As [`ShmHashMap::remove`].
    ///
    /// # Errors
    ///
    /// As for [`update`](Self::update).
    pub fn remove<Q: ?Sized>(&self, query: &Q) -> Result<Option<V>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        Ok(self.remove_entry(query)?.map(|(_, value)| value))
    }

    /// As [`ShmHashMap::remove_entry`].
    ///
    /// # Errors
    ///
    /// As for [`update`](Self::update).
    pub fn remove_entry<Q: ?Sized>(&self, query: &Q) -> Result<Option<(K, V)>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let (hash, mut shard) = self.lock(query)?;
        let Some(slot) = shard.find(hash, |key| key.matches(query)) else { return Ok(None) };
        Ok(shard.remove(slot).map(|entry| (entry.key, entry.value)))
    }
}

impl<K: ShmSafe, V: ShmSafe> Clone for OpenMap<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: ShmSafe, V: ShmSafe> Copy for OpenMap<'_, K, V> {}

impl<K: ShmSafe, V: ShmSafe> Deref for OpenMap<'_, K, V> {
    type Target = ShmHashMap<K, V>;

    fn deref(&self) -> &ShmHashMap<K, V> {
        self.map
    }
}

impl<K: ShmSafe, V: ShmSafe> fmt::Debug for OpenMap<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenMap({:p} in {})", self.map, self.map.heap)
    }
}
