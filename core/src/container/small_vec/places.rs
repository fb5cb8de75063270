//! The elements of a small vector, wherever they are, and the words that tell which
//! places have some.
//!
//! Elements move over a gap as in a vector, see `vec/gap.rs`.

use core::ptr::NonNull;

use super::super::ContainerError;
use super::super::heap::in_order;
use super::super::vec::gap::{Gap, MOVING};

/// The places of a vector that is borrowed: `capacity` of them lie from `start` on,
/// in the vector or in the heap.
pub(super) struct Places<'v, T> {
    pub(super) start: NonNull<T>,
    pub(super) capacity: usize,
    pub(super) len: &'v mut usize,
    pub(super) gap: &'v mut Gap,
}

impl<T> Places<'_, T> {
    /// How many elements there are, none of them on the move any more.
    #[inline]
    pub(super) fn whole(&mut self) -> Result<usize, ContainerError> {
        if *self.len & MOVING != 0 {
            self.close()?;
        }
        let len = *self.len;
        if len > self.capacity { Err(ContainerError::Corrupt) } else { Ok(len) }
    }

    /// The place `index`, which is less than the capacity.
    #[inline]
    pub(super) fn place(&self, index: usize) -> NonNull<T> {
        // SAFETY: one of the places.
        unsafe { self.start.add(index) }
    }

    /// Writes an element to the place behind the `len` that there are; `false` if
    /// there is none.
    #[inline]
    pub(super) fn push(&mut self, len: usize, value: &mut Option<T>) -> bool {
        if len >= self.capacity {
            return false;
        }
        if let Some(value) = value.take() {
            // SAFETY: one of the places, without an element.
            unsafe { self.place(len).write(value) };
            self.set_len(len + 1);
        }
        true
    }

    /// Puts an element before `index` of `len`, fewer than there are places.
    pub(super) fn insert(&mut self, index: usize, len: usize, value: T) {
        self.begin(Gap { at: len, len: 1 }, len + 1);
        for from in (index..len).rev() {
            self.move_element(from, from + 1);
            self.gap_is_at(from);
        }
        // SAFETY: one of the places; the gap is there.
        unsafe { self.place(index).write(value) };
        in_order();
        self.gap.len = 0;
        self.set_len(len + 1);
    }

    /// Drops the elements that `keep` says no to, of `len`.
    pub(super) fn retain(self, len: usize, mut keep: impl FnMut(&mut T) -> bool) {
        // Closes the gap also when `keep` panics.
        let mut closing = Closing(self);
        let places = &mut closing.0;
        places.begin(Gap::NONE, len);
        let mut kept = 0;
        for index in 0..len {
            let mut place = places.place(index);
            // SAFETY: an element, which nobody counts at present.
            if keep(unsafe { place.as_mut() }) {
                if index > kept {
                    places.move_element(index, kept);
                }
                kept += 1;
                places.gap_is_at(kept);
            } else {
                places.gap.len = index + 1 - kept;
                in_order();
                // SAFETY: an element that will not be counted again.
                unsafe { place.drop_in_place() };
            }
        }
    }

    /// Moves the elements behind the gap into it.
    #[cold]
    pub(super) fn close(&mut self) -> Result<(), ContainerError> {
        let parts = parts(*self.len, self.gap).filter(|&(_, _, end)| end <= self.capacity);
        let (first, second, end) = parts.ok_or(ContainerError::Corrupt)?;
        for (to, from) in (first..).zip(second..end) {
            self.move_element(from, to);
            self.gap_is_at(to + 1);
        }
        self.set_len(end - (second - first));
        Ok(())
    }

    /// From here on elements are on the move, up to `end`.
    pub(super) fn begin(&mut self, gap: Gap, end: usize) {
        *self.gap = gap;
        self.set_len(MOVING | end);
    }

    pub(super) fn set_len(&mut self, len: usize) {
        in_order();
        *self.len = len;
        in_order();
    }

    fn gap_is_at(&mut self, at: usize) {
        in_order();
        self.gap.at = at;
        in_order();
    }

    /// Copies one element to another place, where there is none.
    fn move_element(&mut self, from: usize, to: usize) {
        // SAFETY: two of the places (every caller stays below the capacity).
        unsafe { self.place(to).copy_from(self.place(from), 1) };
    }
}

/// Where elements are: before the first place, and from the second to the third.
/// `None` if they make no sense.
pub(super) fn parts(len: usize, gap: &Gap) -> Option<(usize, usize, usize)> {
    if len & MOVING == 0 {
        return Some((len, len, len));
    }
    let end = len & !MOVING;
    let second = gap.at.checked_add(gap.len).filter(|&second| second <= end)?;
    Some((gap.at, second, end))
}

/// Closes the gap when it is dropped.
pub(super) struct Closing<'v, T>(pub(super) Places<'v, T>);

impl<T> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        // Whoever looks at a damaged vector next is told.
        let _ = self.0.close();
    }
}
