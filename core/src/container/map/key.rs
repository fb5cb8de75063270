//! What a map may be searched with.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::mem::MaybeUninit;

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

    /// Whether this is the key that `query` looks for, as far as can be told
    /// without the lock of the map, of a key that owns blocks.
    ///
    /// `None`, which is what this says unless it is written anew, has the map take
    /// its lock. Of [plain](super::super::ShmSafe::PLAIN) keys it is not asked.
    fn matches_unlocked(key: Unlocked<'_, Self>, query: &Q) -> Option<bool>
    where
        Self: Sized,
    {
        let _ = (key, query);
        None
    }
}

/// A key or a value of a map whose lock is not held: others may be dropping it.
///
/// It gives no reference to what it stands for. Some types have methods for it,
/// whose results are dropped if that was the case.
pub struct Unlocked<'k, T>(&'k MaybeUninit<T>);

impl<'k, T> Unlocked<'k, T> {
    pub(super) fn new(copy: &'k MaybeUninit<T>) -> Self {
        Self(copy)
    }

    /// The bytes as they were at one moment. What they own may be gone.
    pub(in super::super) fn copy(self) -> &'k MaybeUninit<T> {
        self.0
    }
}

impl<T> Clone for Unlocked<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Unlocked<'_, T> {}

impl<T> fmt::Debug for Unlocked<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unlocked({})", core::any::type_name::<T>())
    }
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
