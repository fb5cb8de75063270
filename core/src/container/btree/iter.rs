//! Iterators over a map, in the order of its keys.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;

use super::super::{ContainerError, ShmSafe};
use super::ShmBTreeMap;
use super::node::Pair;
use super::range::Between;

impl<K: ShmSafe, V: ShmSafe> ShmBTreeMap<K, V> {
    /// Visits the entries in the order of their keys.
    ///
    /// # Errors
    ///
    /// The heap is not attached, a process died while it changed the map, or the
    /// map is damaged.
    pub fn iter(&self) -> Result<Iter<'_, K, V>, ContainerError> {
        Ok(Iter::new(self.all(self.open()?)?))
    }

    /// Visits the entries in order, to change their values.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn iter_mut(&mut self) -> Result<IterMut<'_, K, V>, ContainerError> {
        let heap = self.open_mut()?;
        Ok(IterMut::new(self.all(heap)?))
    }

    /// Visits the keys in order.
    ///
    /// # Errors
    ///
    /// As for [`iter`](Self::iter).
    pub fn keys(&self) -> Result<Keys<'_, K, V>, ContainerError> {
        Ok(Keys::new(self.all(self.open()?)?))
    }

    /// Visits the values in the order of their keys.
    ///
    /// # Errors
    ///
    /// As for [`iter`](Self::iter).
    pub fn values(&self) -> Result<Values<'_, K, V>, ContainerError> {
        Ok(Values::new(self.all(self.open()?)?))
    }

    /// Visits the values in the order of their keys, to change them.
    ///
    /// # Errors
    ///
    /// As for [`iter_mut`](Self::iter_mut).
    pub fn values_mut(&mut self) -> Result<ValuesMut<'_, K, V>, ContainerError> {
        let heap = self.open_mut()?;
        Ok(ValuesMut::new(self.all(heap)?))
    }
}

/// An iterator that borrows the map as `$map`, takes entries `$as_ref` and gives
/// `$item`.
macro_rules! visits {
    ($(#[$doc:meta])* $name:ident: $map:ty => $item:ty, $as_ref:ident, $give:expr) => {
        $(#[$doc])*
        pub struct $name<'m, K, V> {
            between: Between<K, V>,
            _map: PhantomData<$map>,
        }

        impl<K, V> $name<'_, K, V> {
            pub(super) fn new(between: Between<K, V>) -> Self {
                Self { between, _map: PhantomData }
            }
        }

        impl<'m, K, V> Iterator for $name<'m, K, V> {
            type Item = $item;

            #[inline]
            #[allow(unused_mut, reason = "not all change entries")]
            fn next(&mut self) -> Option<$item> {
                // SAFETY: an entry of the map, which is borrowed as long and in the
                // same way; each comes once.
                self.between.next().map(|mut entry| $give(unsafe { entry.$as_ref() }))
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.between.size_hint()
            }
        }

        impl<'m, K, V> DoubleEndedIterator for $name<'m, K, V> {
            #[inline]
            #[allow(unused_mut, reason = "not all change entries")]
            fn next_back(&mut self) -> Option<Self::Item> {
                // SAFETY: as in `next`.
                self.between.next_back().map(|mut entry| $give(unsafe { entry.$as_ref() }))
            }
        }

        impl<K, V> FusedIterator for $name<'_, K, V> {}

        impl<K, V> Default for $name<'_, K, V> {
            fn default() -> Self {
                Self::new(Between::NONE)
            }
        }

        impl<K, V> fmt::Debug for $name<'_, K, V> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?} left)"), self.size_hint())
            }
        }
    };
}

visits! {
    /// The entries of a map in order; see [`ShmBTreeMap::iter`].
    Iter: &'m (K, V) => (&'m K, &'m V), as_ref, |it: &'m Pair<K, V>| (&it.key, &it.value)
}

visits! {
    /// The entries of a map in order, their values to be changed; see
    /// [`ShmBTreeMap::iter_mut`].
    IterMut: &'m mut (K, V) => (&'m K, &'m mut V), as_mut,
    |it: &'m mut Pair<K, V>| (&it.key, &mut it.value)
}

visits! {
    /// Entries with keys in a range; see [`ShmBTreeMap::range`].
    Range: &'m (K, V) => (&'m K, &'m V), as_ref, |it: &'m Pair<K, V>| (&it.key, &it.value)
}

visits! {
    /// Entries with keys in a range, their values to be changed; see
    /// [`ShmBTreeMap::range_mut`].
    RangeMut: &'m mut (K, V) => (&'m K, &'m mut V), as_mut,
    |it: &'m mut Pair<K, V>| (&it.key, &mut it.value)
}

visits! {
    /// The keys of a map in order; see [`ShmBTreeMap::keys`].
    Keys: &'m (K, V) => &'m K, as_ref, |it: &'m Pair<K, V>| &it.key
}

visits! {
    /// The values of a map in the order of their keys; see [`ShmBTreeMap::values`].
    Values: &'m (K, V) => &'m V, as_ref, |it: &'m Pair<K, V>| &it.value
}

visits! {
    /// The values of a map in the order of their keys, to be changed; see
    /// [`ShmBTreeMap::values_mut`].
    ValuesMut: &'m mut (K, V) => &'m mut V, as_mut, |it: &'m mut Pair<K, V>| &mut it.value
}

impl<K, V> ExactSizeIterator for Iter<'_, K, V> {}
impl<K, V> ExactSizeIterator for IterMut<'_, K, V> {}
impl<K, V> ExactSizeIterator for Keys<'_, K, V> {}
impl<K, V> ExactSizeIterator for Values<'_, K, V> {}
impl<K, V> ExactSizeIterator for ValuesMut<'_, K, V> {}

/// The entries of a map in order, by value; drops those that are left.
///
/// Ends where the map is damaged.
pub struct IntoIter<K: ShmSafe, V: ShmSafe>(ShmBTreeMap<K, V>);

impl<K: ShmSafe, V: ShmSafe> IntoIterator for ShmBTreeMap<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> IntoIter<K, V> {
        IntoIter(self)
    }
}

impl<K: ShmSafe, V: ShmSafe> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        self.0.pop_first().ok().flatten()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl<K: ShmSafe, V: ShmSafe> DoubleEndedIterator for IntoIter<K, V> {
    fn next_back(&mut self) -> Option<(K, V)> {
        self.0.pop_last().ok().flatten()
    }
}

impl<K: ShmSafe, V: ShmSafe> ExactSizeIterator for IntoIter<K, V> {}

impl<K: ShmSafe, V: ShmSafe> fmt::Debug for IntoIter<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IntoIter({} left)", self.0.len())
    }
}
