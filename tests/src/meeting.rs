//! How threads of a test meet, by atomics alone: ThreadSanitizer does not see
//! what the standard library's locks put in order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::yield_now;

/// A point that so many threads reach together, again and again.
#[derive(Debug)]
pub struct Meeting {
    threads: usize,
    arrived: AtomicUsize,
}

impl Meeting {
    /// A point for so many threads.
    #[must_use]
    pub const fn new(threads: usize) -> Self {
        Self { threads, arrived: AtomicUsize::new(0) }
    }

    /// Waits until all are here.
    pub fn wait(&self) {
        // AcqRel: pairs with the others' additions and the loads below: what a
        // thread did before is seen by all afterwards.
        let number = self.arrived.fetch_add(1, Ordering::AcqRel);
        let all = (number / self.threads + 1) * self.threads;
        while self.arrived.load(Ordering::Acquire) < all {
            yield_now();
        }
    }
}

/// A few numbers, none of them 0, on their way from some threads to others.
#[derive(Debug)]
pub struct Board<const N: usize> {
    places: [AtomicUsize; N],
}

impl<const N: usize> Board<N> {
    /// An empty one.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "a test says what it makes")]
    pub const fn new() -> Self {
        Self { places: [const { AtomicUsize::new(0) }; N] }
    }

    /// Leaves a number, once there is room.
    pub fn put(&self, number: usize) {
        let leave = |place: &AtomicUsize| {
            // AcqRel: pairs with the swap in `take`.
            place.compare_exchange(0, number, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        while !self.places.iter().any(leave) {
            yield_now();
        }
    }

    /// Takes a number, once there is one.
    pub fn take(&self) -> usize {
        loop {
            // AcqRel: pairs with the exchange in `put`.
            let take = |place: &AtomicUsize| place.swap(0, Ordering::AcqRel);
            if let Some(number) = self.places.iter().map(take).find(|&number| number != 0) {
                return number;
            }
            yield_now();
        }
    }
}
