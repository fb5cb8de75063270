//! What is done with one key: one shard is read, or locked.

use core::hash::Hash;

use super::{ShmHashMap, ShmKey};
use crate::allocator::Allocator;
use crate::container::{ContainerError, ShmSafe};

impl<K: ShmSafe + Hash + Eq, V: ShmSafe> ShmHashMap<K, V> {
    /// Sets the value of a key; returns the one that it had.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the map is damaged; `key` and
    /// `value` are dropped.
    pub fn insert(&self, key: K, value: V) -> Result<Option<V>, ContainerError> {
        self.home(&key)?.insert(key, value)
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
        let home = self.home(query)?;
        home.with(query, |word| home.table(word), read)
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
        self.home(query)?.update(query, change)
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
        self.home(query)?.upsert(query, make_key, default, change)
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
        self.home(query)?.remove_entry(query)
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
        let home = self.home(query)?;
        home.contains_key(query, |word| home.table(word))
    }
}
