//! Two sets together: what either has, both, or only one.

use core::cmp::Ordering;

use super::ShmBTreeSet;
use crate::container::{ContainerError, ShmSafe};

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
