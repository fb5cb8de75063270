//! A hash set that several processes read and write at the same time.

use core::fmt;
use core::hash::Hash;

use super::{ContainerError, Fingerprint, ShmHashMap, ShmKey, ShmSafe, Trace, TraceError, Tracer};
use crate::allocator::Allocator;
use crate::offset::AllocatorId;

/// A concurrent `HashSet<T>` in a heap: shared by reference, changed by all.
///
/// It is a [`ShmHashMap`] without values, and all that is said there holds: of
/// reading without lock, of waiting, and of processes that die.
///
/// Methods with two sets visit the one and look into the other, each value at a
/// moment of its own.
#[repr(transparent)]
pub struct ShmHashSet<T: ShmSafe> {
    map: ShmHashMap<T, ()>,
}

impl<T: ShmSafe> ShmHashSet<T> {
    /// An empty set in `heap`.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Result<Self, ContainerError> {
        ShmHashMap::new_in(heap).map(|map| Self { map })
    }

    /// An empty set with at least `shards` shards; see
    /// [`ShmHashMap::with_shards_in`].
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn with_shards_in(
        shards: usize,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        ShmHashMap::with_shards_in(shards, heap).map(|map| Self { map })
    }

    /// The id of the heap that the values live in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.map.heap_id()
    }

    /// How many values there are: exact while nobody changes the set.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the set is damaged.
    pub fn len(&self) -> Result<usize, ContainerError> {
        self.map.len()
    }

    /// Whether there are no values.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the set is damaged.
    pub fn is_empty(&self) -> Result<bool, ContainerError> {
        self.map.is_empty()
    }

    /// How many values there is room for, were they spread evenly.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the set is damaged.
    pub fn capacity(&self) -> Result<usize, ContainerError> {
        self.map.capacity()
    }

    /// Visits all values, as [`ShmHashMap::for_each`] does.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn for_each(&self, mut visit: impl FnMut(&T)) -> Result<(), ContainerError> {
        self.map.for_each(|value, ()| visit(value))
    }

    /// Removes all values, and hands them to `take`, as [`ShmHashMap::drain`] does.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn drain(&self, mut take: impl FnMut(T)) -> Result<(), ContainerError> {
        self.map.drain(|value, ()| take(value))
    }

    /// Removes all values, and keeps the room.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the set is damaged or busy;
    /// values may have been removed.
    pub fn clear(&self) -> Result<(), ContainerError> {
        self.map.clear()
    }
}

impl<T: ShmSafe + Hash + Eq> ShmHashSet<T> {
    /// A set in `heap` with `values`.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn from_iter_in(
        values: impl IntoIterator<Item = T>,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let set = Self::new_in(heap)?;
        set.extend(values)?;
        Ok(set)
    }

    /// Adds a value; whether it was not there yet. If it was, `value` is dropped.
    ///
    /// # Errors
    ///
    /// The heap is full, not attached or read-only, or the set is damaged or busy;
    /// `value` is dropped.
    pub fn insert(&self, value: T) -> Result<bool, ContainerError> {
        self.map.insert(value, ()).map(|old| old.is_none())
    }

    /// Adds many values, one after the other.
    ///
    /// # Errors
    ///
    /// As for [`insert`](Self::insert); those before the one that failed are
    /// there.
    pub fn extend(&self, values: impl IntoIterator<Item = T>) -> Result<(), ContainerError> {
        values.into_iter().try_for_each(|value| self.insert(value).map(drop))
    }

    /// Whether there is such a value; without lock where
    /// [`ShmHashMap::contains_key`] takes none.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the set is damaged or busy.
    #[inline]
    pub fn contains<Q: ?Sized>(&self, query: &Q) -> Result<bool, ContainerError>
    where
        T: ShmKey<Q>,
    {
        self.map.contains_key(query)
    }

    /// Removes a value; whether it was there.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the set is damaged or busy.
    pub fn remove<Q: ?Sized>(&self, query: &Q) -> Result<bool, ContainerError>
    where
        T: ShmKey<Q>,
    {
        self.take(query).map(|value| value.is_some())
    }

    /// Removes a value, and returns it.
    ///
    /// # Errors
    ///
    /// As for [`remove`](Self::remove).
    pub fn take<Q: ?Sized>(&self, query: &Q) -> Result<Option<T>, ContainerError>
    where
        T: ShmKey<Q>,
    {
        Ok(self.map.remove_entry(query)?.map(|(value, ())| value))
    }

    /// Removes the values that `keep` says no to.
    ///
    /// # Errors
    ///
    /// As for [`clear`](Self::clear).
    pub fn retain(&self, mut keep: impl FnMut(&T) -> bool) -> Result<(), ContainerError> {
        self.map.retain(|value, ()| keep(value))
    }

    /// Makes room for `more` values, were they spread evenly.
    ///
    /// # Errors
    ///
    /// The heap is full, not attached or read-only, or the set is damaged or busy.
    pub fn reserve(&self, more: usize) -> Result<(), ContainerError> {
        self.map.reserve(more)
    }

    /// Visits the values that are in both sets (the intersection).
    ///
    /// Where looking for a value takes a lock, two threads that do this with the
    /// same two sets in opposite order may wait for each other until that is too
    /// long ([`ContainerError::Busy`]). So here and below, unless values are
    /// [plain](ShmSafe::PLAIN), use one order.
    ///
    /// # Errors
    ///
    /// A heap is not attached, or a set is damaged or busy; values may have been
    /// visited.
    pub fn for_each_in_both(
        &self,
        other: &Self,
        mut visit: impl FnMut(&T),
    ) -> Result<(), ContainerError> {
        self.each_with(other, |value, in_other| {
            if in_other {
                visit(value);
            }
        })
    }

    /// Visits the values that are not in `other` (the difference).
    ///
    /// # Errors
    ///
    /// As for [`for_each_in_both`](Self::for_each_in_both).
    pub fn for_each_not_in(
        &self,
        other: &Self,
        mut visit: impl FnMut(&T),
    ) -> Result<(), ContainerError> {
        self.each_with(other, |value, in_other| {
            if !in_other {
                visit(value);
            }
        })
    }

    /// Visits the values that are in one of the sets or in both (the union), each
    /// once.
    ///
    /// # Errors
    ///
    /// As for [`for_each_in_both`](Self::for_each_in_both).
    pub fn for_each_in_either(
        &self,
        other: &Self,
        mut visit: impl FnMut(&T),
    ) -> Result<(), ContainerError> {
        self.for_each_not_in(other, &mut visit)?;
        other.for_each(visit)
    }

    /// Whether all values are in `other`.
    ///
    /// # Errors
    ///
    /// As for [`for_each_in_both`](Self::for_each_in_both).
    pub fn is_subset(&self, other: &Self) -> Result<bool, ContainerError> {
        let mut all = true;
        self.each_with(other, |_, in_other| all &= in_other)?;
        Ok(all)
    }

    /// Whether no value is in `other`.
    ///
    /// # Errors
    ///
    /// As for [`for_each_in_both`](Self::for_each_in_both).
    pub fn is_disjoint(&self, other: &Self) -> Result<bool, ContainerError> {
        let mut none = true;
        self.each_with(other, |_, in_other| none &= !in_other)?;
        Ok(none)
    }

    /// Looks whether all counts are right and every value is found.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the set is damaged or busy.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.map.check()
    }

    /// Visits all values, and says of each whether it is in `other`.
    fn each_with(
        &self,
        other: &Self,
        mut visit: impl FnMut(&T, bool),
    ) -> Result<(), ContainerError> {
        let mut failed = Ok(());
        self.for_each(|value| {
            if failed.is_ok() {
                failed = other.contains(value).map(|in_other| visit(value, in_other));
            }
        })?;
        failed
    }
}

// SAFETY: a map. (Its own fingerprint says which.)
unsafe impl<T: ShmSafe> ShmSafe for ShmHashSet<T> {
    const FINGERPRINT: u64 = Fingerprint::new("ShmHashSet", size_of::<Self>(), align_of::<Self>())
        .number(ShmHashMap::<T, ()>::FINGERPRINT)
        .finish();
}

impl<T: ShmSafe> Trace for ShmHashSet<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        self.map.trace(tracer)
    }

    fn settle(&mut self, levels: u32) {
        self.map.settle(levels);
    }
}

impl<T: ShmSafe> fmt::Debug for ShmHashSet<T> {
    /// Tells the sizes only, as that of the map does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len() {
            Ok(len) => write!(f, "ShmHashSet({len} values in heap {})", self.heap_id()),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}
