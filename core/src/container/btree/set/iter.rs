//! Iterators over a set, in the order of its elements.

use core::fmt;
use core::iter::FusedIterator;

use super::super::{IntoIter, Keys, Range};
use super::ShmBTreeSet;
use crate::container::ShmSafe;

/// The elements of a set in order; see [`ShmBTreeSet::iter`].
pub struct SetIter<'s, T>(pub(super) Keys<'s, T, ()>);

/// The elements of a set in a range; see [`ShmBTreeSet::range`].
pub struct SetRange<'s, T>(pub(super) Range<'s, T, ()>);

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
