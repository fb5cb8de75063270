//! A map that was found once, for many calls.

use core::fmt;
use core::hash::Hash;
use core::mem::MaybeUninit;
use core::ops::Deref;

use foldhash::fast::FixedState;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe};
use super::home::{Home, hash_with, shard_of};
use super::seen::Seen;
use super::{ShmHashMap, ShmKey};
use crate::allocator::Allocator;

/// A [`ShmHashMap`] whose heap, shards and tables are looked up once, and not in every
/// call.
///
/// For loops of many calls, each of which saves these steps. It is the map in every other
/// way, and has all of its methods. It takes two and a half KiB, and belongs to one thread.
///
/// ```
/// # use anymem_core::container::{ContainerError, ShmHashMap};
/// fn sum(prices: &ShmHashMap<u64, u64>, order: &[u64]) -> Result<u64, ContainerError> {
///     let prices = prices.open()?;
///     order.iter().try_fold(0, |sum, item| Ok(sum + prices.get(item)?.unwrap_or(0)))
/// }
/// ```
pub struct OpenMap<'m, K: ShmSafe, V: ShmSafe> {
    map: &'m ShmHashMap<K, V>,
    heap: Heap,
    hashing: FixedState,
    seen: Seen<'m, K, V>,
}

impl<K: ShmSafe, V: ShmSafe> ShmHashMap<K, V> {
    /// Looks the heap and the shards up, for many calls.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn open(&self) -> Result<OpenMap<'_, K, V>, ContainerError> {
        let (heap, shards) = self.find()?;
        let hashing = FixedState::with_seed(self.seed);
        Ok(OpenMap { map: self, heap, hashing, seen: Seen::new(shards) })
    }
}

impl<'m, K: ShmSafe, V: ShmSafe> OpenMap<'m, K, V> {
    #[inline(always)]
    fn hash<Q: ?Sized>(&self, query: &Q) -> u64
    where
        K: ShmKey<Q>,
    {
        hash_with::<K, Q>(&self.hashing, query)
    }

    /// Where `query` belongs, and the number of the shard.
    #[inline(always)]
    fn home<Q: ?Sized>(&self, query: &Q) -> (Home<'m, K, V>, usize)
    where
        K: ShmKey<Q>,
    {
        let hash = self.hash(query);
        let shards = self.seen.shards;
        let number = shard_of(hash, shards.len() - 1);
        // SAFETY: masked with the last one's number, so one of the shards.
        let shard = unsafe { shards.get_unchecked(number) };
        (Home { map: self.map, heap: self.heap, shard, hash }, number)
    }

    /// Where `query` belongs, which is going to be changed.
    ///
    /// Others may have written there, so the processor fetches control bytes and lock
    /// at the same time.
    #[inline(always)]
    fn home_to_change<Q: ?Sized>(&self, query: &Q) -> Home<'m, K, V>
    where
        K: ShmKey<Q>,
    {
        let (home, number) = self.home(query);
        self.seen.last(number).prefetch(home.hash);
        home
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
            && let Ok(copy) = self.seen.look::<Q, MaybeUninit<V>>(self.hash(query), query)
        {
            // SAFETY: nobody wrote while it was copied, and a copy of a plain
            // value is as good as the value.
            return Ok(copy.map(|copy| read(unsafe { copy.assume_init_ref() })));
        }
        self.with_anew(query, read)
    }

    /// As [`with`](Self::with), where the shard was written to since it was seen last.
    #[cold]
    fn with_anew<Q: ?Sized, R>(
        &self,
        query: &Q,
        read: impl FnOnce(&V) -> R,
    ) -> Result<Option<R>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let (home, number) = self.home(query);
        home.with(query, |snapshot| self.seen.table(number, self.heap, snapshot), read)
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
        match self.seen.look::<Q, ()>(self.hash(query), query) {
            Ok(found) => Ok(found.is_some()),
            Err(_) => self.contains_key_anew(query),
        }
    }

    /// As [`contains_key`](Self::contains_key), where the shard was written to since it
    /// was seen last.
    #[cold]
    fn contains_key_anew<Q: ?Sized>(&self, query: &Q) -> Result<bool, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let (home, number) = self.home(query);
        home.contains_key(query, |snapshot| self.seen.table(number, self.heap, snapshot))
    }

    /// As [`ShmHashMap::insert`].
    ///
    /// # Errors
    ///
    /// The heap is full or read-only, or the map is damaged or busy; `key` and
    /// `value` are dropped.
    #[inline]
    pub fn insert(&self, key: K, value: V) -> Result<Option<V>, ContainerError> {
        self.home_to_change(&key).insert(key, value)
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
        self.home_to_change(query).update(query, change)
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
        self.home_to_change(query).upsert(query, make_key, default, change)
    }

    /// As [`ShmHashMap::remove`].
    ///
    /// # Errors
    ///
    /// As for [`update`](Self::update).
    #[inline]
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
    #[inline]
    pub fn remove_entry<Q: ?Sized>(&self, query: &Q) -> Result<Option<(K, V)>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        self.home_to_change(query).remove_entry(query)
    }
}

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
