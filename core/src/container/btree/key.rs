//! What an ordered map may be searched with.

use core::cmp::Ordering;

use super::super::ShmString;

/// Keys that can be found by a `Q` (what `Borrow` is for `std`'s maps).
///
/// Every key can be found by one of its own type, and a [`ShmString`] by a
/// `&str`, for which nothing is allocated.
///
/// Where [`compare`](Self::compare) orders keys and queries otherwise than the
/// keys' `Ord` orders keys, entries are not found, and nothing worse.
pub trait ShmOrdKey<Q: ?Sized = Self>: Ord {
    /// How this key compares to the one that `query` looks for.
    fn compare(&self, query: &Q) -> Ordering;
}

impl<K: Ord> ShmOrdKey<K> for K {
    #[inline]
    fn compare(&self, query: &K) -> Ordering {
        self.cmp(query)
    }
}

impl ShmOrdKey<str> for ShmString {
    #[inline]
    fn compare(&self, query: &str) -> Ordering {
        self.as_bytes().ok().cmp(&Some(query.as_bytes()))
    }
}
