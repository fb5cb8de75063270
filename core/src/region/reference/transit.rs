//! Pages on their way from one owner to another.
//!
//! Both owners have them pinned meanwhile. Who looks at them without a pin may find that the
//! new owner has nothing yet, or that the old one still has what it wrote. What is found is
//! true if, when the look began, as many pages had arrived as have left by its end.

use core::sync::atomic::{AtomicU32, Ordering, fence};

use crate::region::RegionError;

/// Counts the passages of pages, wrapping around.
#[derive(Debug, Default)]
pub(in crate::region) struct Transit {
    left: AtomicU32,
    arrived: AtomicU32,
}

/// How many passages had ended at some time.
#[derive(Debug, Clone, Copy)]
pub(in crate::region) struct Arrived(u32);

/// A passage, which ends when it is dropped.
pub(super) struct Passing<'t>(&'t Transit);

impl Transit {
    /// Begins a passage of pages that are pinned, before any has another owner.
    pub(super) fn leave(&self) -> Passing<'_> {
        self.left.fetch_add(1, Ordering::Relaxed);
        // Release: pairs with the Acquire in `is_cause`; who sees what is done to the pages
        // from now on sees the count.
        fence(Ordering::Release);
        Passing(self)
    }

    /// How many passages have ended.
    pub(in crate::region) fn arrived(&self) -> Arrived {
        // Acquire: pairs with the Release of a passage that has ended, and so shows what it did.
        Arrived(self.arrived.load(Ordering::Acquire))
    }

    /// Whether the error may be due to a passage that had not ended by `since`: then it is not
    /// there any more, or not for long.
    pub(in crate::region) fn is_cause(&self, error: RegionError, since: Arrived) -> bool {
        // Acquire: pairs with the Release in `leave`, by what the error is about.
        fence(Ordering::Acquire);
        let is_of_contents = matches!(
            error,
            RegionError::Invalid { .. }
                | RegionError::Overwrite { .. }
                | RegionError::Unallocated { .. }
        );
        is_of_contents && self.left.load(Ordering::Relaxed) != since.0
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `arrived`.
        self.0.arrived.fetch_add(1, Ordering::Release);
    }
}
