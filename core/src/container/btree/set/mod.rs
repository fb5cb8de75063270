//! A set in the order of its elements.

mod combine;
mod iter;

use core::fmt;
use core::ops::RangeBounds;

pub use self::iter::{SetIntoIter, SetIter, SetRange};

use super::{ShmBTreeMap, ShmOrdKey};
use crate::allocator::Allocator;
use crate::container::{ContainerError, ShmSafe, Trace, TraceError, Tracer};
use crate::offset::AllocatorId;

/// `BTreeSet<T>` in a heap: a [`ShmBTreeMap`] whose keys are the elements.
///
/// Shared, changed and left by the dead as that is.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct ShmBTreeSet<T: ShmSafe> {
    map: ShmBTreeMap<T, ()>,
}

impl<T: ShmSafe> ShmBTreeSet<T> {
    /// An empty set, to live in `heap`; allocates nothing yet.
    #[must_use]
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(heap.id())
    }

    /// An empty set, to live in the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(heap: AllocatorId) -> Self {
        Self { map: ShmBTreeMap::with_heap_id(heap) }
    }

    /// A set of what `elements` gives.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn from_iter_in(
        elements: impl IntoIterator<Item = T>,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError>
    where
        T: Ord,
    {
        let mut made = Self::new_in(heap);
        made.extend(elements)?;
        Ok(made)
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The id of the heap that the elements live in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.map.heap_id()
    }

    /// Whether there is an element that `value` finds.
    ///
    /// # Errors
    ///
    /// The heap is not attached, a process died while it changed the set, or the
    /// set is damaged.
    pub fn contains<Q: ?Sized>(&self, value: &Q) -> Result<bool, ContainerError>
    where
        T: ShmOrdKey<Q>,
    {
        self.map.contains_key(value)
    }

    /// The element that `value` finds.
    ///
    /// # Errors
    ///
    /// As for [`contains`](Self::contains).
    pub fn get<Q: ?Sized>(&self, value: &Q) -> Result<Option<&T>, ContainerError>
    where
        T: ShmOrdKey<Q>,
    {
        Ok(self.map.get_key_value(value)?.map(|(element, ())| element))
    }

    /// Adds an element; whether it was not there.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the set is damaged; `value` is dropped.
    pub fn insert(&mut self, value: T) -> Result<bool, ContainerError>
    where
        T: Ord,
    {
        Ok(self.map.insert(value, ())?.is_none())
    }

    /// Adds what `elements` gives.
    ///
    /// # Errors
    ///
    /// As for [`insert`](Self::insert); what was added before stays.
    pub fn extend(&mut self, elements: impl IntoIterator<Item = T>) -> Result<(), ContainerError>
    where
        T: Ord,
    {
        self.map.extend(elements.into_iter().map(|element| (element, ())))
    }

    /// Moves all elements of `other` here.
    ///
    /// # Errors
    ///
    /// As for [`insert`](Self::insert); what was moved before stays here.
    pub fn append(&mut self, other: &mut Self) -> Result<(), ContainerError>
    where
        T: Ord,
    {
        self.map.append(&mut other.map)
    }

    /// Removes the element that `value` finds; whether it was there.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the set is damaged.
    pub fn remove<Q: ?Sized>(&mut self, value: &Q) -> Result<bool, ContainerError>
    where
        T: ShmOrdKey<Q>,
    {
        Ok(self.take(value)?.is_some())
    }

    /// Removes the element that `value` finds.
    ///
    /// # Errors
    ///
    /// As for [`remove`](Self::remove).
    pub fn take<Q: ?Sized>(&mut self, value: &Q) -> Result<Option<T>, ContainerError>
    where
        T: ShmOrdKey<Q>,
    {
        Ok(self.map.remove_entry(value)?.map(|(element, ())| element))
    }

    /// The first element.
    ///
    /// # Errors
    ///
    /// As for [`contains`](Self::contains).
    pub fn first(&self) -> Result<Option<&T>, ContainerError> {
        Ok(self.iter()?.next())
    }

    /// The last element.
    ///
    /// # Errors
    ///
    /// As for [`contains`](Self::contains).
    pub fn last(&self) -> Result<Option<&T>, ContainerError> {
        Ok(self.iter()?.next_back())
    }

    /// Removes the first element.
    ///
    /// # Errors
    ///
    /// As for [`remove`](Self::remove).
    pub fn pop_first(&mut self) -> Result<Option<T>, ContainerError> {
        Ok(self.map.pop_first()?.map(|(element, ())| element))
    }

    /// Removes the last element.
    ///
    /// # Errors
    ///
    /// As for [`remove`](Self::remove).
    pub fn pop_last(&mut self) -> Result<Option<T>, ContainerError> {
        Ok(self.map.pop_last()?.map(|(element, ())| element))
    }

    /// Drops the elements that `keep` says no to, in order.
    ///
    /// # Errors
    ///
    /// As for [`ShmBTreeMap::retain`].
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) -> Result<(), ContainerError>
    where
        T: Ord,
    {
        self.map.retain(|element, ()| keep(element))
    }

    /// Moves the elements from `value` on to a set of their own.
    ///
    /// # Errors
    ///
    /// As for [`ShmBTreeMap::split_off`].
    pub fn split_off<Q: ?Sized>(&mut self, value: &Q) -> Result<Self, ContainerError>
    where
        T: ShmOrdKey<Q>,
    {
        Ok(Self { map: self.map.split_off(value)? })
    }

    /// Drops all elements, as [`ShmBTreeMap::clear`] does.
    ///
    /// # Errors
    ///
    /// As for [`remove`](Self::remove).
    pub fn clear(&mut self) -> Result<(), ContainerError> {
        self.map.clear()
    }

    /// Visits the elements in order.
    ///
    /// # Errors
    ///
    /// As for [`contains`](Self::contains).
    pub fn iter(&self) -> Result<SetIter<'_, T>, ContainerError> {
        self.map.keys().map(SetIter)
    }

    /// Visits the elements in `range`, in order.
    ///
    /// # Errors
    ///
    /// As for [`contains`](Self::contains).
    pub fn range<Q: ?Sized>(
        &self,
        range: impl RangeBounds<Q>,
    ) -> Result<SetRange<'_, T>, ContainerError>
    where
        T: ShmOrdKey<Q>,
    {
        self.map.range(range).map(SetRange)
    }

    /// Looks whether all nodes are in order.
    ///
    /// # Errors
    ///
    /// As for [`ShmBTreeMap::check`].
    pub fn check(&self) -> Result<(), ContainerError> {
        self.map.check()
    }
}

impl<T: ShmSafe> Trace for ShmBTreeSet<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        self.map.trace(tracer)
    }

    fn settle(&mut self, levels: u32) {
        self.map.settle(levels);
    }
}

impl<T: ShmSafe + fmt::Debug> fmt::Debug for ShmBTreeSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.iter() {
            Ok(elements) => f.debug_set().entries(elements).finish(),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}
