//! A vector whose heap was looked up.

use core::fmt;
use core::mem::needs_drop;
use core::ops::{Deref, DerefMut, Range};
use core::ptr::NonNull;
use core::slice;

use super::super::{ContainerError, ShmSafe};
use super::ShmVec;

/// Bytes of elements that get room for three times as many at a push, not only for as
/// many again: a vector is opened for many pushes, and copying is what takes longest of
/// them. A smaller one may well stay small, and a larger one grows where it stands.
const ROOMY: Range<usize> = 1 << 10..1 << 16;

/// A vector that is open for many changes at its end: see [`ShmVec::open`].
///
/// It knows where the elements are, how many there are and how many there is room
/// for, as `Vec` does, so that a push takes no more instructions than there.
///
/// Every change is made in the vector at once, in the [order](ShmVec#order-of-stores)
/// that the vector's own methods keep. So dropping this does nothing, and forgetting
/// it or a death forgets nothing.
///
/// What it knows it was told once, and keeps for itself: whatever comes to stand in
/// the vector meanwhile, elements are written to the block that was checked, or, where
/// that is full, to another one that is checked before.
pub struct OpenVec<'v, T: ShmSafe> {
    vec: &'v mut ShmVec<T>,
    /// Of the block, all of which lies in the heap; dangling if `capacity` is 0.
    start: NonNull<T>,
    /// As many elements are in the block; not more than `capacity`.
    len: usize,
    /// The block's, in elements.
    capacity: usize,
}

// SAFETY: has the vector, and its elements, to itself, as a mutable reference has.
unsafe impl<T: ShmSafe + Send> Send for OpenVec<'_, T> {}
// SAFETY: shared, it gives references to the elements out, as the vector does.
unsafe impl<T: ShmSafe + Sync> Sync for OpenVec<'_, T> {}

impl<T: ShmSafe> ShmVec<T> {
    /// Looks the heap up, once for all that is done with what is returned: see
    /// [`OpenVec`].
    ///
    /// ```no_run
    /// # use anymem_core::container::{ContainerError, ShmVec};
    /// fn add_squares(list: &mut ShmVec<u64>) -> Result<(), ContainerError> {
    ///     let mut list = list.open()?;
    ///     (0..1000).try_for_each(|number| list.push(number * number))?;
    ///     list.reverse();
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    #[inline]
    pub fn open(&mut self) -> Result<OpenVec<'_, T>, ContainerError> {
        if self.len > self.raw.capacity() {
            self.close_first()?;
        }
        let (len, capacity) = (self.len, self.raw.capacity());
        if len > capacity {
            return Err(ContainerError::Corrupt);
        }
        self.opened(len, capacity)
    }

    /// The vector open, which says to have `len` elements and room for `capacity`, not
    /// less.
    #[inline]
    pub(super) fn opened(
        &mut self,
        len: usize,
        capacity: usize,
    ) -> Result<OpenVec<'_, T>, ContainerError> {
        let start = self.raw.start(capacity)?;
        Ok(OpenVec { vec: self, start, len, capacity })
    }

    /// Makes room for `more` elements after the first `len`, whatever the vector says
    /// there are; where, and for how many in all.
    #[cold]
    #[inline(never)]
    fn grow_open(
        &mut self,
        len: usize,
        more: usize,
    ) -> Result<(NonNull<T>, usize), ContainerError> {
        self.raw.grow(len, more)
    }

    /// As [`grow_open`](Self::grow_open), for one element, and for many more where that
    /// is [worth it](ROOMY) and the heap has room.
    #[cold]
    #[inline(never)]
    fn grow_for_pushes(&mut self, len: usize) -> Result<(NonNull<T>, usize), ContainerError> {
        if ROOMY.contains(&len.saturating_mul(size_of::<T>()))
            && let Ok(grown) = self.grow_open(len, 3 * len)
        {
            return Ok(grown);
        }
        self.grow_open(len, 1)
    }
}

impl<T: ShmSafe> OpenVec<'_, T> {
    /// How many elements there is room for.
    #[must_use]
    #[inline]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Makes room for `more` elements.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged.
    #[inline]
    pub fn reserve(&mut self, more: usize) -> Result<(), ContainerError> {
        if more > self.capacity - self.len {
            (self.start, self.capacity) = self.vec.grow_open(self.len, more)?;
        }
        Ok(())
    }

    /// Appends an element.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged; `value` is
    /// dropped.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), ContainerError> {
        if self.len == self.capacity {
            (self.start, self.capacity) = self.vec.grow_for_pushes(self.len)?;
        }
        // SAFETY: there is room for one more than `len`.
        unsafe { self.put(self.len, value) };
        self.set_len(self.len + 1);
        Ok(())
    }

    /// Removes the last element.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        self.set_len(last);
        // SAFETY: an element of the vector until just now, and nobody's since.
        Some(unsafe { self.start.add(last).read() })
    }

    /// Drops all elements but the first `len`, the last one first.
    ///
    /// A death leaves more of them, and the block of at most one is lost.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        if needs_drop::<T>() {
            (len..self.len).for_each(|_| drop(self.pop()));
        } else if len < self.len {
            self.set_len(len);
        }
    }

    /// Drops all elements and keeps the room.
    #[inline]
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Appends what `elements` gives.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged; what was
    /// appended before stays.
    pub fn extend(&mut self, elements: impl IntoIterator<Item = T>) -> Result<(), ContainerError> {
        let elements = elements.into_iter();
        // A lower bound that is wrong, or too large, is no reason to fail.
        let _ = self.reserve(elements.size_hint().0);
        elements.into_iter().try_for_each(|element| self.push(element))
    }

    /// Appends clones of `elements`.
    ///
    /// A death leaves some of them, or none if they are plain data.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged; then none
    /// was appended.
    pub fn extend_from_slice(&mut self, elements: &[T]) -> Result<(), ContainerError>
    where
        T: Clone,
    {
        self.append(elements.iter().cloned())
    }

    /// Appends all of `elements`, which says how many there are.
    ///
    /// Those that own something count one by one, so that a death loses one of them at
    /// most; others all at once.
    pub(super) fn append(
        &mut self,
        elements: impl ExactSizeIterator<Item = T>,
    ) -> Result<(), ContainerError> {
        let more = elements.len();
        self.reserve(more)?;
        let mut len = self.len;
        for element in elements.take(more) {
            // SAFETY: there is room for `more` elements after those that were there.
            unsafe { self.put(len, element) };
            len += 1;
            if needs_drop::<T>() {
                self.set_len(len);
            }
        }
        self.set_len(len);
        Ok(())
    }

    /// Writes an element that does not count yet.
    ///
    /// # Safety
    ///
    /// `place` is less than the capacity.
    #[inline]
    unsafe fn put(&mut self, place: usize, value: T) {
        // SAFETY: all of the capacity lies in the heap, which stays where it is while
        // what is in it is borrowed, as the elements are while the vector is open.
        let place = unsafe { self.start.add(place) };
        // SAFETY: as above; places from `len` on hold no element.
        unsafe { place.write(value) };
    }

    #[inline]
    fn set_len(&mut self, len: usize) {
        self.vec.set_len(len);
        self.len = len;
    }
}

impl<T: ShmSafe> Deref for OpenVec<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: `len` elements lie in the heap there, all written (the order of
        // stores), and the vector owns them.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl<T: ShmSafe> DerefMut for OpenVec<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and this is borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl<T: ShmSafe + fmt::Debug> fmt::Debug for OpenVec<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
