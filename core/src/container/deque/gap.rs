//! Elements on the move: how a deque is changed in its midst.
//!
//! As in a vector, see `vec/gap.rs`: elements move one by one over a gap, whose
//! place stands in the deque. It is told by the number of an element, and the top
//! bit of `tail - head` says that there is one. A gap is opened at the end that is
//! nearer, or travels to it, so at most half of the elements move; one that a death
//! left is always closed from behind.

use super::super::heap::in_order;
use super::super::vec::gap::{Gap, MOVING};
use super::super::{ContainerError, ShmSafe};
use super::ShmDeque;
use super::ring::Ring;

impl<T: ShmSafe> ShmDeque<T> {
    /// Puts an element before the one at `index`, or at the end.
    ///
    /// Moves one element after the other: a death leaves all of them, with the
    /// new one or without.
    ///
    /// # Errors
    ///
    /// `index` is after the end, the heap is full or not attached, or the
    /// deque is damaged; `value` is dropped.
    pub fn insert(&mut self, index: usize, value: T) -> Result<(), ContainerError> {
        let len = self.whole()?.len;
        if index > len {
            return Err(ContainerError::OutOfBounds { index, len });
        }
        let ring = self.with_room()?;
        let head = self.head;
        let place = if index < len / 2 {
            self.gap = Gap { at: head.wrapping_sub(1), len: 1 };
            self.set_head(head.wrapping_sub(1) ^ MOVING);
            for from in 0..index {
                // SAFETY: places of the deque; the gap is before it.
                unsafe { ring.move_element(from, from.wrapping_sub(1)) };
                self.gap_is_at(head.wrapping_add(from));
            }
            index.wrapping_sub(1)
        } else {
            let tail = head.wrapping_add(len);
            self.gap = Gap { at: tail, len: 1 };
            self.set_tail(tail.wrapping_add(1) ^ MOVING);
            for from in (index..len).rev() {
                // SAFETY: places of the deque; the gap is behind it.
                unsafe { ring.move_element(from, from + 1) };
                self.gap_is_at(head.wrapping_add(from));
            }
            index
        };
        // SAFETY: a place of the deque; the gap is there.
        unsafe { ring.place(place).write(value) };
        in_order();
        self.gap.len = 0;
        self.set_tail(self.tail ^ MOVING);
        Ok(())
    }

    /// Removes the element at `index` and closes the gap; `None` if there is no such
    /// element.
    ///
    /// Moves one element after the other: a death leaves all of them, or all but
    /// that one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn remove(&mut self, index: usize) -> Result<Option<T>, ContainerError> {
        let ring = self.whole()?;
        if index >= ring.len {
            return Ok(None);
        }
        // SAFETY: an element of the deque, which forgets it.
        let removed = unsafe { ring.place(index).read() };
        let head = self.head;
        self.begin(Gap { at: head.wrapping_add(index), len: 1 }, ring.len);
        if index >= ring.len / 2 {
            self.close()?;
            return Ok(Some(removed));
        }
        for from in (0..index).rev() {
            // SAFETY: places of the deque; the gap is behind it.
            unsafe { ring.move_element(from, from + 1) };
            self.gap_is_at(head.wrapping_add(from));
        }
        self.set_head(head.wrapping_add(1) ^ MOVING);
        Ok(Some(removed))
    }

    /// Drops the elements that `keep` says no to.
    ///
    /// If `keep` panics, the elements that it had not said no to stay. A death
    /// leaves the same, and the block of at most one element is lost.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) -> Result<(), ContainerError> {
        self.retain_mut(|element| keep(element))
    }

    /// As [`retain`](Self::retain), with elements that may be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn retain_mut(
        &mut self,
        mut keep: impl FnMut(&mut T) -> bool,
    ) -> Result<(), ContainerError> {
        let ring = self.whole()?;
        let head = self.head;
        self.begin(Gap { at: head, len: 0 }, ring.len);
        // Closes the gap also when `keep` panics.
        let closing = Closing(self);
        let gap = &mut closing.0.gap;
        let (mut kept, mut gone) = (0_usize, 0);
        for index in 0..ring.len {
            let mut place = ring.place(index);
            // SAFETY: an element, which the deque does not count at present.
            if keep(unsafe { place.as_mut() }) {
                if gone > 0 {
                    // SAFETY: places of the deque; the gap is before it.
                    unsafe { ring.move_element(index, kept) };
                }
                kept += 1;
                in_order();
                gap.at = head.wrapping_add(kept);
                in_order();
            } else {
                gone += 1;
                gap.len = gone;
                in_order();
                // SAFETY: an element that will not be counted again.
                unsafe { place.drop_in_place() };
            }
        }
        drop(closing);
        self.whole().map(|_| ())
    }

    /// Where all places are that elements or the gap take, and the parts.
    pub(super) fn parted(&self) -> Result<(Ring<T>, (usize, usize)), ContainerError> {
        let (first, second, end) = self.parts().ok_or(ContainerError::Corrupt)?;
        Ok((self.ring_of(end)?, (first, second)))
    }

    /// Moves the elements behind the gap into it.
    #[cold]
    #[inline(never)]
    pub(super) fn close(&mut self) -> Result<(), ContainerError> {
        let (ring, (first, second)) = self.parted()?;
        let head = self.head;
        for (to, from) in (first..).zip(second..ring.len) {
            // SAFETY: places of the deque; the gap is before it.
            unsafe { ring.move_element(from, to) };
            self.gap_is_at(head.wrapping_add(to + 1));
        }
        self.set_tail(head.wrapping_add(ring.len - (second - first)));
        Ok(())
    }

    /// How many elements there are while some are on the move.
    #[cold]
    pub(super) fn len_of_parts(&self) -> usize {
        self.parts().map_or(0, |(first, second, end)| first + (end - second))
    }

    /// Where elements are, counted from the first: before the first place, and from
    /// the second to the third. `None` if they make no sense.
    fn parts(&self) -> Option<(usize, usize, usize)> {
        let counted = self.counted();
        if counted & MOVING == 0 {
            return Some((counted, counted, counted));
        }
        let (Gap { at, len }, end) = (&self.gap, counted & !MOVING);
        let first = (at.wrapping_sub(self.head)) & !MOVING;
        let second = first.checked_add(*len).filter(|&second| second <= end)?;
        Some((first, second, end))
    }

    /// From here on elements are on the move, of `len` with the gap.
    pub(super) fn begin(&mut self, gap: Gap, len: usize) {
        self.gap = gap;
        self.set_tail(self.head.wrapping_add(len) ^ MOVING);
    }

    fn set_head(&mut self, head: usize) {
        in_order();
        self.head = head;
        in_order();
    }

    pub(super) fn set_tail(&mut self, tail: usize) {
        in_order();
        self.tail = tail;
        in_order();
    }

    fn gap_is_at(&mut self, at: usize) {
        in_order();
        self.gap.at = at;
        in_order();
    }
}

/// Closes a deque's gap when it is dropped.
pub(super) struct Closing<'d, T: ShmSafe>(pub(super) &'d mut ShmDeque<T>);

impl<T: ShmSafe> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        // Whoever looks at a damaged deque next is told.
        let _ = self.0.close();
    }
}
