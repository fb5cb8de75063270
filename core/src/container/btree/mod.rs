//! A map in the order of its keys.

mod entry;
mod grow;
mod iter;
mod key;
mod log;
mod node;
mod order;
mod path;
mod range;
mod set;
mod shrink;
mod traits;
mod tree;

use core::marker::PhantomData;

pub use self::entry::{Entry, OccupiedEntry, VacantEntry};
pub use self::iter::{IntoIter, Iter, IterMut, Keys, Range, RangeMut, Values, ValuesMut};
pub use self::key::ShmOrdKey;
pub use self::set::{SetIntoIter, SetIter, SetRange, ShmBTreeSet};

use self::log::{Log, Words};
use self::node::Pair;
use super::{ContainerError, ShmSafe};
use crate::allocator::Allocator;
use crate::offset::AllocatorId;

/// `BTreeMap<K, V>` in a heap: the entries in the order of their keys.
///
/// A search visits few blocks, for each holds up to 14 entries (6 on machines
/// with 32-bit words). The map is shared by reference after it was built, and
/// changed through `&mut`, for instance within a [`ShmMutex`](super::ShmMutex).
///
/// Keys that are in a map must not change their order. If they do, or if `Ord`
/// contradicts itself, entries are not found or are in any order, and nothing
/// worse.
///
/// # Order of stores
///
/// Entries stay where they are in their node; one word says in which order they
/// are. An entry comes or goes when that word and the count are stored, both of
/// them at once (a log finishes what was begun). Nodes are split and merged the
/// same way, so a process that dies leaves the map as it was before the call or as
/// after it. Until somebody changes or [settles](super::Trace::settle) it, it may
/// be [`HalfChanged`](ContainerError::HalfChanged).
///
/// ```
/// # use anymem_core::container::{ContainerError, ShmBTreeMap, ShmString};
/// # use anymem_core::allocator::Allocator;
/// fn best_bids(heap: &impl Allocator) -> Result<(), ContainerError> {
///     let mut bids = ShmBTreeMap::from_iter_in([(101, 5_u64), (99, 7), (100, 2)], heap)?;
///     *bids.entry(99)?.or_insert(0)? += 1;
///     let best: Vec<_> = bids.range(100..)?.rev().collect();
///     assert_eq!(best, [(&101, &5), (&100, &2)]);
///     assert_eq!(bids.pop_first()?, Some((99, 8)));
///     Ok(())
/// }
/// ```
#[repr(C)]
pub struct ShmBTreeMap<K: ShmSafe, V: ShmSafe> {
    heap: AllocatorId,
    words: Words,
    log: Log,
    _owns: PhantomData<(K, V)>,
}

impl<K: ShmSafe, V: ShmSafe> ShmBTreeMap<K, V> {
    /// An empty map, to live in `heap`; allocates nothing yet.
    #[must_use]
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(heap.id())
    }

    /// An empty map, to live in the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(heap: AllocatorId) -> Self {
        Self { heap, words: Words::EMPTY, log: Log::EMPTY, _owns: PhantomData }
    }

    /// A map of what `entries` gives; of entries with the same key the last one.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn from_iter_in(
        entries: impl IntoIterator<Item = (K, V)>,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError>
    where
        K: Ord,
    {
        let mut made = Self::new_in(heap);
        made.extend(entries)?;
        Ok(made)
    }

    /// How many entries there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.words.len
    }

    /// Whether there are none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id of the heap that the entries live in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// The value of `key`, if it is there.
    ///
    /// # Errors
    ///
    /// The heap is not attached, a process died while it changed the map, or the
    /// map is damaged.
    pub fn get<Q: ?Sized>(&self, key: &Q) -> Result<Option<&V>, ContainerError>
    where
        K: ShmOrdKey<Q>,
    {
        Ok(self.get_key_value(key)?.map(|(_, value)| value))
    }

    /// The key that matches `key`, and its value.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub fn get_key_value<Q: ?Sized>(&self, key: &Q) -> Result<Option<(&K, &V)>, ContainerError>
    where
        K: ShmOrdKey<Q>,
    {
        let found = self.find(self.open()?, |it| it.compare(key))?;
        // SAFETY: an entry of the map, which is borrowed.
        let entry = found.map(|place| unsafe { place.as_ref() });
        Ok(entry.map(|Pair { key, value }| (key, value)))
    }

    /// The value of `key`, if it is there, to be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn get_mut<Q: ?Sized>(&mut self, key: &Q) -> Result<Option<&mut V>, ContainerError>
    where
        K: ShmOrdKey<Q>,
    {
        let heap = self.open_mut()?;
        let found = self.find(heap, |it| it.compare(key))?;
        // SAFETY: an entry of the map, which is borrowed mutably.
        Ok(found.map(|mut place| unsafe { &mut place.as_mut().value }))
    }

    /// Whether `key` is there.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub fn contains_key<Q: ?Sized>(&self, key: &Q) -> Result<bool, ContainerError>
    where
        K: ShmOrdKey<Q>,
    {
        Ok(self.get_key_value(key)?.is_some())
    }

    /// Adds an entry; the value that the key had before.
    ///
    /// A key that was there stays, as in `std`, and its value is exchanged at once.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the map is damaged; `key` and `value`
    /// are dropped.
    pub fn insert(&mut self, key: K, value: V) -> Result<Option<V>, ContainerError>
    where
        K: Ord,
    {
        match self.entry(key)? {
            Entry::Occupied(mut entry) => entry.insert(value).map(Some),
            Entry::Vacant(entry) => entry.insert(value).map(|_| None),
        }
    }

    /// Adds what `entries` gives.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the map is damaged; what was added
    /// before stays.
    pub fn extend(
        &mut self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(), ContainerError>
    where
        K: Ord,
    {
        entries.into_iter().try_for_each(|(key, value)| self.insert(key, value).map(drop))
    }

    /// Moves all entries of `other` here, the first ones first.
    ///
    /// # Errors
    ///
    /// A heap is full or not attached, or a map is damaged; what was moved before
    /// stays here, and the entry on the way is dropped.
    pub fn append(&mut self, other: &mut Self) -> Result<(), ContainerError>
    where
        K: Ord,
    {
        // Damaged maps may share their nodes: what was moved would come again.
        let heap = other.open_mut()?;
        for _ in 0..other.bounded_len(heap)? {
            let Some((key, value)) = other.pop_first()? else { break };
            self.insert(key, value)?;
        }
        Ok(())
    }

    /// Removes `key`; the value that it had.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn remove<Q: ?Sized>(&mut self, key: &Q) -> Result<Option<V>, ContainerError>
    where
        K: ShmOrdKey<Q>,
    {
        Ok(self.remove_entry(key)?.map(|(_, value)| value))
    }

    /// Removes `key`; the entry.
    ///
    /// # Errors
    ///
    /// As for [`remove`](Self::remove).
    pub fn remove_entry<Q: ?Sized>(&mut self, key: &Q) -> Result<Option<(K, V)>, ContainerError>
    where
        K: ShmOrdKey<Q>,
    {
        let heap = self.open_mut()?;
        let (path, found) = self.seek(heap, |it| it.compare(key))?;
        if found { self.take(heap, path).map(Some) } else { Ok(None) }
    }

    /// The first entry, if there is one.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub fn first_key_value(&self) -> Result<Option<(&K, &V)>, ContainerError> {
        Ok(self.iter()?.next())
    }

    /// The last entry, if there is one.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub fn last_key_value(&self) -> Result<Option<(&K, &V)>, ContainerError> {
        Ok(self.iter()?.next_back())
    }

    /// Removes the first entry.
    ///
    /// # Errors
    ///
    /// As for [`remove`](Self::remove).
    pub fn pop_first(&mut self) -> Result<Option<(K, V)>, ContainerError> {
        let heap = self.open_mut()?;
        let path = self.first_path(heap)?;
        if path.last().is_some() { self.take(heap, path).map(Some) } else { Ok(None) }
    }

    /// Removes the last entry.
    ///
    /// # Errors
    ///
    /// As for [`remove`](Self::remove).
    pub fn pop_last(&mut self) -> Result<Option<(K, V)>, ContainerError> {
        let heap = self.open_mut()?;
        let path = self.last_path(heap)?;
        if path.last().is_some() { self.take(heap, path).map(Some) } else { Ok(None) }
    }

    /// Drops the entries that `keep` says no to, in order.
    ///
    /// A death leaves fewer of them, and loses the blocks of at most one entry.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged; those that were dropped
    /// before stay so.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) -> Result<(), ContainerError>
    where
        K: Ord,
    {
        let heap = self.open_mut()?;
        let mut path = self.first_path(heap)?;
        // In a damaged map, or where `Ord` contradicts itself, the way may go in
        // circles.
        for _ in 0..self.bounded_len(heap)? {
            let Some(mut place) = path.entry() else { break };
            // SAFETY: an entry of the map, which is borrowed mutably.
            let Pair { key, value } = unsafe { place.as_mut() };
            if keep(key, value) {
                path.advance(heap)?;
                continue;
            }
            let gone = self.take(heap, path)?;
            path = self.seek(heap, |key| key.cmp(&gone.0))?.0;
            path.skip_ends();
        }
        Ok(())
    }

    /// Moves the entries from `key` on to a map of their own, in the same heap.
    ///
    /// A death leaves some of them here and loses those that were moved.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the map is damaged; those that were
    /// moved are dropped.
    pub fn split_off<Q: ?Sized>(&mut self, key: &Q) -> Result<Self, ContainerError>
    where
        K: ShmOrdKey<Q>,
    {
        let mut made = Self::with_heap_id(self.heap);
        // As in `append`.
        let heap = self.open_mut()?;
        for _ in 0..self.bounded_len(heap)? {
            let Some((last, _)) = self.last_key_value()? else { break };
            if last.compare(key).is_lt() {
                break;
            }
            if let Some((key, value)) = self.pop_last()? {
                made.insert(key, value)?;
            }
        }
        Ok(made)
    }

    /// Drops all entries.
    ///
    /// They are gone at once; a death leaves those that were not dropped yet to
    /// whoever changes or settles the map next, and loses the blocks of at most one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn clear(&mut self) -> Result<(), ContainerError> {
        let heap = self.open_mut()?;
        self.uproot(heap)
    }
}
