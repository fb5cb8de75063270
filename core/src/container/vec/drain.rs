//! Elements that leave a vector one by one.

use core::fmt;
use core::iter::FusedIterator;
use core::ops::{Bound, Range, RangeBounds};
use core::ptr::{self, NonNull};

use super::super::{ContainerError, ShmSafe};
use super::ShmVec;
use super::gap::{Closing, Gap};

/// Elements that somebody took out of a vector, where they still are.
struct Taken<T> {
    start: NonNull<T>,
    range: Range<usize>,
}

impl<T> Taken<T> {
    /// Moves out the element `index`.
    fn read(&self, index: usize) -> T {
        // SAFETY: one of the elements, each of which is moved out once.
        unsafe { self.start.add(index).read() }
    }
}

impl<T> Drop for Taken<T> {
    fn drop(&mut self) {
        // SAFETY: inside of the vector's block.
        let first = unsafe { self.start.add(self.range.start) };
        // SAFETY: as many elements are there that nobody moved out.
        unsafe { ptr::slice_from_raw_parts_mut(first.as_ptr(), self.range.len()).drop_in_place() };
    }
}

/// Implements the iterator traits for what has a field `taken`.
macro_rules! takes {
    ($name:ident $(, $lifetime:lifetime)?) => {
        impl<$($lifetime,)? T: ShmSafe> Iterator for $name<$($lifetime,)? T> {
            type Item = T;

            #[inline]
            fn next(&mut self) -> Option<T> {
                self.taken.range.next().map(|index| self.taken.read(index))
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                self.taken.range.size_hint()
            }
        }

        impl<$($lifetime,)? T: ShmSafe> DoubleEndedIterator for $name<$($lifetime,)? T> {
            #[inline]
            fn next_back(&mut self) -> Option<T> {
                self.taken.range.next_back().map(|index| self.taken.read(index))
            }
        }

        impl<$($lifetime,)? T: ShmSafe> ExactSizeIterator for $name<$($lifetime,)? T> {}
        impl<$($lifetime,)? T: ShmSafe> FusedIterator for $name<$($lifetime,)? T> {}

        impl<$($lifetime,)? T: ShmSafe> fmt::Debug for $name<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} left)"), self.len())
            }
        }
    };
}

/// Elements that are removed from a vector; see [`ShmVec::drain`].
pub struct Drain<'v, T: ShmSafe> {
    // Before the vector, which is closed when the elements are gone.
    taken: Taken<T>,
    _vec: Closing<'v, T>,
}

takes!(Drain, 'v);

/// The elements of a vector by value; drops those that are left.
pub struct IntoIter<T: ShmSafe> {
    taken: Taken<T>,
    /// Counts none of them, and frees the block.
    _vec: ShmVec<T>,
}

takes!(IntoIter);

// SAFETY: owns its elements, as the vector does.
unsafe impl<T: ShmSafe + Send> Send for Taken<T> {}
// SAFETY: as above; shared, it gives nothing out.
unsafe impl<T: ShmSafe + Sync> Sync for Taken<T> {}

impl<T: ShmSafe> ShmVec<T> {
    /// Removes the elements in `range`, and gives them.
    ///
    /// They are gone at once, whether or not they are asked for; the others close
    /// ranks when the iterator is dropped. A death leaves all of them, or all but
    /// those, and loses the blocks of those that were not dropped yet.
    ///
    /// # Errors
    ///
    /// The range reaches beyond the end, the heap is not attached, or the vector is
    /// damaged.
    pub fn drain(
        &mut self,
        range: impl RangeBounds<usize>,
    ) -> Result<Drain<'_, T>, ContainerError> {
        let (start, len) = self.whole()?;
        let range = inside(range, len)?;
        self.begin(Gap::new(range.start, range.len()), len);
        Ok(Drain { taken: Taken { start, range }, _vec: Closing(self) })
    }
}

impl<T: ShmSafe> IntoIterator for ShmVec<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    /// Gives the elements; none where the heap is not attached or the vector is
    /// damaged.
    fn into_iter(mut self) -> IntoIter<T> {
        let (start, len) = self.whole().unwrap_or((NonNull::dangling(), 0));
        if len > 0 {
            self.set_len(0);
        }
        IntoIter { taken: Taken { start, range: 0..len }, _vec: self }
    }
}

/// What a range of positions comes to where there are `len`.
pub(in super::super) fn inside(
    range: impl RangeBounds<usize>,
    len: usize,
) -> Result<Range<usize>, ContainerError> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => len,
    };
    match [start, end].into_iter().find(|&index| index > len) {
        Some(index) => Err(ContainerError::OutOfBounds { index, len }),
        None if start > end => Err(ContainerError::OutOfBounds { index: start, len: end }),
        None => Ok(start..end),
    }
}
