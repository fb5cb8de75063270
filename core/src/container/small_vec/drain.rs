//! Elements that are taken out of a small vector.

use core::fmt;
use core::iter::FusedIterator;
use core::ops::{Range, RangeBounds};

use super::super::vec::gap::Gap;
use super::super::vec::inside;
use super::super::{ContainerError, ShmSafe};
use super::ShmSmallVec;
use super::places::Closing;

impl<T: ShmSafe, const N: usize> ShmSmallVec<T, N> {
    /// Removes the elements in `range` and gives them out; those that were not taken
    /// are dropped with the iterator.
    ///
    /// They are all removed at once: a death leaves the vector with them or without,
    /// and loses the blocks of those that were not given out.
    ///
    /// # Errors
    ///
    /// There is no such range, the heap is not attached, or the vector is damaged.
    pub fn drain(
        &mut self,
        range: impl RangeBounds<usize>,
    ) -> Result<Drain<'_, T>, ContainerError> {
        let mut places = self.places()?;
        let len = places.whole()?;
        let left = inside(range, len)?;
        places.begin(Gap { at: left.start, len: left.len() }, len);
        Ok(Drain { left, closing: Closing(places) })
    }
}

/// The elements that [`ShmSmallVec::drain`] removed.
pub struct Drain<'v, T> {
    left: Range<usize>,
    closing: Closing<'v, T>,
}

// SAFETY: it owns elements and borrows the vector, both of which may be sent.
unsafe impl<T: Send> Send for Drain<'_, T> {}
// SAFETY: shared, it gives out nothing but its length.
unsafe impl<T: Sync> Sync for Drain<'_, T> {}

impl<T> Drain<'_, T> {
    fn element(&self, index: usize) -> T {
        // SAFETY: an element of the vector until it was drained; given out once.
        unsafe { self.closing.0.place(index).read() }
    }
}

impl<T> Iterator for Drain<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left.next().map(|index| self.element(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl<T> DoubleEndedIterator for Drain<'_, T> {
    fn next_back(&mut self) -> Option<T> {
        self.left.next_back().map(|index| self.element(index))
    }
}

impl<T> ExactSizeIterator for Drain<'_, T> {}

impl<T> FusedIterator for Drain<'_, T> {}

impl<T> Drop for Drain<'_, T> {
    /// Drops what is left; then the gap is closed.
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

impl<T> fmt::Debug for Drain<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("left", &self.left).finish()
    }
}
