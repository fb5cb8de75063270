//! A set in the order of its elements.

use core::cmp::Ordering;
use core::fmt;
use core::iter::FusedIterator;
use core::ops::RangeBounds;

use super::iter::{IntoIter, Keys, Range};
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

impl<T: ShmSafe + Ord> ShmBTreeSet<T> {
    /// Visits the elements of either set, in order.
    ///
    /// # Errors
    ///
    /// As for [`contains`](Self::contains), for either set.
    pub fn union<'s>(
        &'s self,
        other: &'s Self,
    ) -> Result<impl Iterator<Item = &'s T>, ContainerError> {
        Ok(self.pairs(other)?.filter_map(|(mine, theirs)| mine.or(theirs)))
    }

    /// Visits the elements of both sets, in order.
    ///
    /// # Errors
    ///
    /// As for [`contains`](Self::contains), for either set.
    pub fn intersection<'s>(
        &'s self,
        other: &'s Self,
    ) -> Result<impl Iterator<Item = &'s T>, ContainerError> {
        Ok(self.pairs(other)?.filter_map(|(mine, theirs)| mine.filter(|_| theirs.is_some())))
    }

    /// Visits the elements that `other` does not have, in order.
    ///
    /// # Errors
    ///
    /// As for [`contains`](Self::contains), for either set.
    pub fn difference<'s>(
        &'s self,
        other: &'s Self,
    ) -> Result<impl Iterator<Item = &'s T>, ContainerError> {
        Ok(self.pairs(other)?.filter_map(|(mine, theirs)| mine.filter(|_| theirs.is_none())))
    }

    /// Visits the elements that only one of the sets has, in order.
    ///
    /// # Errors
    ///
    /// As for [`contains`](Self::contains), for either set.
    pub fn symmetric_difference<'s>(
        &'s self,
        other: &'s Self,
    ) -> Result<impl Iterator<Item = &'s T>, ContainerError> {
        Ok(self.pairs(other)?.filter_map(|(mine, theirs)| mine.xor(theirs)))
    }

    /// Whether `other` has all elements of this set.
    ///
    /// # Errors
    ///
    /// As for [`contains`](Self::contains), for either set.
    pub fn is_subset(&self, other: &Self) -> Result<bool, ContainerError> {
        Ok(self.difference(other)?.next().is_none())
    }

    /// Whether this set has all elements of `other`.
    ///
    /// # Errors
    ///
    /// As for [`contains`](Self::contains), for either set.
    pub fn is_superset(&self, other: &Self) -> Result<bool, ContainerError> {
        other.is_subset(self)
    }

    /// Whether no element is in both sets.
    ///
    /// # Errors
    ///
    /// As for [`contains`](Self::contains), for either set.
    pub fn is_disjoint(&self, other: &Self) -> Result<bool, ContainerError> {
        Ok(self.intersection(other)?.next().is_none())
    }

    /// The elements of both sets in order; those that are equal together.
    fn pairs<'s>(
        &'s self,
        other: &'s Self,
    ) -> Result<impl Iterator<Item = (Option<&'s T>, Option<&'s T>)>, ContainerError> {
        let (mut mine, mut theirs) = (self.iter()?.peekable(), other.iter()?.peekable());
        Ok(core::iter::from_fn(move || {
            let order = match (mine.peek(), theirs.peek()) {
                (Some(one), Some(two)) => one.cmp(two),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return None,
            };
            Some(match order {
                Ordering::Less => (mine.next(), None),
                Ordering::Greater => (None, theirs.next()),
                Ordering::Equal => (mine.next(), theirs.next()),
            })
        }))
    }
}

/// The elements of a set in order; see [`ShmBTreeSet::iter`].
pub struct SetIter<'s, T>(Keys<'s, T, ()>);

/// The elements of a set in a range; see [`ShmBTreeSet::range`].
pub struct SetRange<'s, T>(Range<'s, T, ()>);

/// The elements of a set in order, by value; drops those that are left.
pub struct SetIntoIter<T: ShmSafe>(IntoIter<T, ()>);

/// Passes a map's iterator on.
macro_rules! passes_on {
    ($name:ident, $($lifetime:lifetime)?, $item:ty, $bound:path, $give:expr) => {
        impl<$($lifetime,)? T: $bound> Iterator for $name<$($lifetime,)? T> {
            type Item = $item;

            fn next(&mut self) -> Option<Self::Item> {
                self.0.next().map($give)
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.0.size_hint()
            }
        }

        impl<$($lifetime,)? T: $bound> DoubleEndedIterator for $name<$($lifetime,)? T> {
            fn next_back(&mut self) -> Option<Self::Item> {
                self.0.next_back().map($give)
            }
        }

        impl<$($lifetime,)? T: $bound> FusedIterator for $name<$($lifetime,)? T> {}

        impl<$($lifetime,)? T: $bound> fmt::Debug for $name<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?} left)"), self.0.size_hint())
            }
        }
    };
}

passes_on!(SetIter, 's, &'s T, Sized, |element| element);
passes_on!(SetRange, 's, &'s T, Sized, |(element, ())| element);
passes_on!(SetIntoIter, , T, ShmSafe, |(element, ())| element);

impl<T> ExactSizeIterator for SetIter<'_, T> {}
impl<T: ShmSafe> ExactSizeIterator for SetIntoIter<T> {}

impl<T: ShmSafe> IntoIterator for ShmBTreeSet<T> {
    type Item = T;
    type IntoIter = SetIntoIter<T>;

    fn into_iter(self) -> SetIntoIter<T> {
        SetIntoIter(self.map.into_iter())
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
