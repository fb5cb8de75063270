//! Elements that are taken out of a deque.

use core::fmt;
use core::iter::FusedIterator;
use core::ops::{Range, RangeBounds};

use super::super::vec::gap::Gap;
use super::super::vec::inside;
use super::super::{ContainerError, ShmSafe};
use super::ShmDeque;
use super::gap::Closing;
use super::ring::Ring;

impl<T: ShmSafe> ShmDeque<T> {
    /// Removes the elements in `range` and gives them out; those that were not taken
    /// are dropped with the iterator.
    ///
    /// They are all removed at once: a death leaves the deque with them or without,
    /// and loses the blocks of those that were not given out.
    ///
    /// # Errors
    ///
    /// There is no such range, the heap is not attached, or the deque is damaged.
    pub fn drain(
        &mut self,
        range: impl RangeBounds<usize>,
    ) -> Result<Drain<'_, T>, ContainerError> {
        let ring = self.whole()?;
        let left = inside(range, ring.len)?;
        let gap = Gap { at: self.head.wrapping_add(left.start), len: left.len() };
        self.begin(gap, ring.len);
        Ok(Drain { left, ring, closing: Closing(self) })
    }
}

/// The elements that [`ShmDeque::drain`] removed.
pub struct Drain<'d, T: ShmSafe> {
    left: Range<usize>,
    ring: Ring<T>,
    closing: Closing<'d, T>,
}

// SAFETY: it owns elements and borrows the deque, both of which may be sent.
unsafe impl<T: ShmSafe + Send> Send for Drain<'_, T> {}
// SAFETY: shared, it gives out nothing but its length.
unsafe impl<T: ShmSafe + Sync> Sync for Drain<'_, T> {}

impl<T: ShmSafe> Drain<'_, T> {
    fn element(&self, index: usize) -> T {
        // SAFETY: an element of the deque until it was drained; given out once.
        unsafe { self.ring.place(index).read() }
    }
}

impl<T: ShmSafe> Iterator for Drain<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left.next().map(|index| self.element(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl<T: ShmSafe> DoubleEndedIterator for Drain<'_, T> {
    fn next_back(&mut self) -> Option<T> {
        self.left.next_back().map(|index| self.element(index))
    }
}

impl<T: ShmSafe> ExactSizeIterator for Drain<'_, T> {}

impl<T: ShmSafe> FusedIterator for Drain<'_, T> {}

impl<T: ShmSafe> Drop for Drain<'_, T> {
    /// Drops what is left; then the gap is closed.
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

impl<T: ShmSafe> fmt::Debug for Drain<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heap = self.closing.0.heap_id();
        f.debug_struct("Drain").field("left", &self.left).field("heap", &heap).finish()
    }
}
