//! A limit on memory that pools share.

use core::sync::atomic::{AtomicUsize, Ordering};

/// The most bytes that some pools together may have of their providers, used or not.
/// (`umf_disjoint_pool_shared_limits_t`)
///
/// A pool that would need more first gives back what it keeps for later; if that does not
/// suffice, allocating is [`PoolError::Limit`](crate::pool::PoolError::Limit).
#[derive(Debug)]
pub struct SharedLimit {
    most: AtomicUsize,
    taken: AtomicUsize,
}

impl SharedLimit {
    /// A limit of `bytes`.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self { most: AtomicUsize::new(bytes), taken: AtomicUsize::new(0) }
    }

    /// The most bytes there may be.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Changes the limit. What is above it stays until it is freed.
    pub fn set_most(&self, bytes: usize) {
        self.most.store(bytes, Ordering::Relaxed);
    }

    /// How many bytes the pools have.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Counts `bytes` more, if they are within the limit.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let fits = |taken: usize| taken.checked_add(bytes).filter(|sum| *sum <= self.most());
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_ok()
    }

    /// Counts `bytes` more, which are there already.
    pub(super) fn add(&self, bytes: usize) {
        self.taken.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts `bytes` less.
    pub(super) fn give(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}
