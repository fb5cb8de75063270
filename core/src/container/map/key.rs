//! What a map may be searched with.

use core::hash::{Hash, Hasher};

/// Keys that can be found by a `Q` (what `Borrow` is for `std`'s maps).
///
/// Every key can be found by one of its own type, and a
/// [`ShmString`](super::super::ShmString) by a `&str`, for which nothing is
/// allocated.
///
/// Where [`matches`](Self::matches) says yes,
/// [`hash_query`](Self::hash_query) feeds the hasher what the key's `Hash`
/// does; otherwise entries are not found, and nothing worse.
pub trait ShmKey<Q: ?Sized = Self>: Hash {
    /// Feeds `query` to the hasher as the key that matches it would feed
    /// itself.
    fn hash_query<H: Hasher>(query: &Q, state: &mut H);

    /// Whether this is the key that `query` looks for.
    fn matches(&self, query: &Q) -> bool;
}

impl<K: Hash + Eq> ShmKey<K> for K {
    #[inline]
    fn hash_query<H: Hasher>(query: &K, state: &mut H) {
        query.hash(state);
    }

    #[inline]
    fn matches(&self, query: &K) -> bool {
        self == query
    }
}
