//! Elements on the move: how a vector is changed in its midst.
//!
//! Elements are moved over a *gap*, as many at a time as it is long, and its place
//! stands in the vector: a process that dies in between leaves one gap, and the next
//! access closes it.
//! The top bit of the length says that there is one. No length may have it, so
//! whoever looks at elements finds the length too large for the block, and comes
//! here: the common ways need not ask.
//!
//! ```text
//! insert   1 2 3 4 _   the gap starts behind the end, opened for the new element,
//!          1 2 3 _ 4
//!          1 2 _ 3 4   and travels to its place; closed if a death comes before
//!          1 2 9 3 4   the element is there
//! remove   1 _ 3 4 5   the gap starts where the element was,
//!          1 3 _ 4 5
//!          1 3 4 5 _   and travels to the end
//! retain               as remove; the gap grows with each element that goes
//! ```
//!
//! Numbers that stand in the vector are read once in each call: elements that a
//! damaged one has in its own place overwrite them meanwhile, and so may a peer.
//!
//! Elements are copied into the gap, which overwrites none, then the gap is noted to be
//! behind them: one store. If that did not come to pass the copy is made once more.

use core::ptr::NonNull;

use super::super::heap::in_order;
use super::super::{ContainerError, ShmSafe};
use super::ShmVec;

/// In a length: elements are on the move.
pub(in super::super) const MOVING: usize = 1 << (usize::BITS - 1);

/// In the length of a gap: the last element is to be moved into it.
const FROM_END: usize = 1 << (usize::BITS - 1);

/// Places without an element, while elements are on the move.
#[repr(C)]
pub(in super::super) struct Gap {
    pub(in super::super) at: usize,
    pub(in super::super) len: usize,
}

impl Gap {
    /// There is none.
    pub(in super::super) const NONE: Self = Self::new(0, 0);

    /// `len` places from `at` on.
    pub(in super::super) const fn new(at: usize, len: usize) -> Self {
        Self { at, len }
    }
}

/// Closes a vector's gap when it is dropped.
pub(super) struct Closing<'v, T: ShmSafe>(pub(super) &'v mut ShmVec<T>);

impl<T: ShmSafe> Drop for Closing<'_, T> {
    fn drop(&mut self) {
        // Whoever looks at a damaged vector next is told.
        let _ = self.0.close();
    }
}

impl<T: ShmSafe> ShmVec<T> {
    /// Puts an element before the one at `index`, or at the end.
    ///
    /// Moves one element after the other: a death leaves all of them, with the
    /// new one or without.
    ///
    /// # Errors
    ///
    /// `index` is after the end, the heap is full or not attached, or the
    /// vector is damaged; `value` is dropped.
    pub fn insert(&mut self, index: usize, value: T) -> Result<(), ContainerError> {
        self.insert_all(index, core::iter::once(value))
    }

    /// Puts elements before the one at `index`, or at the end.
    ///
    /// Moves one element after the other: a death leaves all of them, with the
    /// new ones or without.
    ///
    /// # Errors
    ///
    /// `index` is after the end, the heap is full or not attached, or the
    /// vector is damaged; `values` is dropped.
    pub(super) fn insert_all(
        &mut self,
        index: usize,
        values: impl ExactSizeIterator<Item = T>,
    ) -> Result<(), ContainerError> {
        let ((_, len), more) = (self.whole()?, values.len());
        if index > len {
            return Err(ContainerError::OutOfBounds { index, len });
        }
        if more == 0 {
            return Ok(());
        }
        if more > self.raw.capacity().saturating_sub(len) {
            self.raw.grow(len, more)?;
        }
        let start = self.raw.elements(len.saturating_add(more))?;
        self.begin(Gap { at: len, len: more }, len + more);
        let mut gap = len;
        while gap > index {
            let run = more.min(gap - index);
            gap -= run;
            // SAFETY: `len + more` is not more than the capacity, all of which lies in
            // the heap; the gap is behind them, and as long.
            unsafe { move_elements(start, gap, gap + more, run) };
            self.gap_is_at(gap);
        }
        let mut left = more;
        for (value, at) in values.zip(index..index + more) {
            // SAFETY: as above; the gap is there.
            unsafe { start.add(at).write(value) };
            left -= 1;
        }
        // Without as many as were promised, the gap closes as it is.
        if left > 0 {
            return self.close();
        }
        in_order();
        self.gap.len = 0;
        self.set_len(len + more);
        Ok(())
    }

    /// Removes the element at `index` and closes the gap.
    ///
    /// Moves one element after the other: a death leaves all of them, or all but
    /// that one.
    ///
    /// # Errors
    ///
    /// There is none, the heap is not attached, or the vector is damaged.
    pub fn remove(&mut self, index: usize) -> Result<T, ContainerError> {
        self.take(index, 1)
    }

    /// Removes the element at `index` and puts the last one in its place.
    ///
    /// # Errors
    ///
    /// There is none, the heap is not attached, or the vector is damaged.
    pub fn swap_remove(&mut self, index: usize) -> Result<T, ContainerError> {
        self.take(index, FROM_END)
    }

    fn take(&mut self, index: usize, gap: usize) -> Result<T, ContainerError> {
        let (start, len) = self.whole()?;
        if index >= len {
            return Err(ContainerError::OutOfBounds { index, len });
        }
        // SAFETY: an element of the vector, which forgets it.
        let removed = unsafe { start.add(index).read() };
        self.begin(Gap { at: index, len: gap }, len);
        self.close()?;
        Ok(removed)
    }

    /// Drops the elements that `keep` says no to.
    ///
    /// If `keep` panics, the elements that it had not said no to stay. A death
    /// leaves the same, and the block of at most one element is lost.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) -> Result<(), ContainerError> {
        self.sift(|_, element| keep(element))
    }

    /// Drops the elements of which `is_same` says that they are the same as the one
    /// before, which it gets second.
    ///
    /// As [`retain`](Self::retain) if it panics, or the process dies.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn dedup_by(
        &mut self,
        mut is_same: impl FnMut(&mut T, &mut T) -> bool,
    ) -> Result<(), ContainerError> {
        self.sift(|before, element| !before.is_some_and(|before| is_same(element, before)))
    }

    /// Drops the elements to which `keep` says no, which also gets the last one that
    /// stays.
    fn sift(
        &mut self,
        mut keep: impl FnMut(Option<&mut T>, &mut T) -> bool,
    ) -> Result<(), ContainerError> {
        let (start, len) = self.whole()?;
        self.begin(Gap::NONE, len);
        // Closes the gap also when `keep` panics.
        let closing = Closing(self);
        let gap = &mut closing.0.gap;
        let (mut kept, mut gone) = (0_usize, 0);
        for index in 0..len {
            // SAFETY: an element; `len` of them lie in the heap.
            let mut place = unsafe { start.add(index) };
            // SAFETY: as above, one that stays.
            let before = kept.checked_sub(1).map(|last| unsafe { start.add(last).as_mut() });
            // SAFETY: as above, and the vector does not count it at present.
            if keep(before, unsafe { place.as_mut() }) {
                if gone > 0 {
                    // SAFETY: as above; the gap is before it.
                    unsafe { move_elements(start, index, kept, 1) };
                }
                kept += 1;
                in_order();
                gap.at = kept;
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

    /// Where the elements are, none of them on the move any more, and how many.
    #[inline]
    pub(super) fn whole(&mut self) -> Result<(NonNull<T>, usize), ContainerError> {
        if self.len > self.raw.capacity() {
            self.close_first()?;
        }
        let len = self.len;
        Ok((self.raw.elements(len)?, len))
    }

    #[cold]
    #[inline(never)]
    pub(super) fn close_first(&mut self) -> Result<(), ContainerError> {
        if self.len & MOVING == 0 { Err(ContainerError::Corrupt) } else { self.close() }
    }

    /// Moves the elements behind the gap, or the last one, into it.
    #[cold]
    #[inline(never)]
    pub(super) fn close(&mut self) -> Result<(), ContainerError> {
        let (first, second, end) = self.parts().ok_or(ContainerError::Corrupt)?;
        let start = self.raw.elements(end)?;
        if self.gap.len == FROM_END {
            // SAFETY: both are before the end, all of which lies in the heap.
            unsafe { move_elements(start, end - 1, first, 1) };
            self.set_len(end - 1);
            return Ok(());
        }
        let (gap, mut from) = (second - first, second);
        while gap > 0 && from < end {
            let run = gap.min(end - from);
            // SAFETY: as above; the gap is before them, and as long.
            unsafe { move_elements(start, from, from - gap, run) };
            from += run;
            self.gap_is_at(from - gap);
        }
        self.set_len(end - gap);
        Ok(())
    }

    /// Where elements are: before the first place, and from the second to the
    /// third. `None` if they make no sense.
    pub(super) fn parts(&self) -> Option<(usize, usize, usize)> {
        if self.len & MOVING == 0 {
            return Some((self.len, self.len, self.len));
        }
        let (Gap { at, len }, end) = (&self.gap, self.len & !MOVING);
        let len = if *len == FROM_END { 1 } else { *len };
        let second = at.checked_add(len).filter(|&second| second <= end)?;
        Some((*at, second, end))
    }

    /// From here on elements are on the move, up to `end`.
    pub(super) fn begin(&mut self, gap: Gap, end: usize) {
        self.gap = gap;
        self.set_len(MOVING | end);
    }

    fn gap_is_at(&mut self, at: usize) {
        in_order();
        self.gap.at = at;
        in_order();
    }
}

/// Copies `count` elements to another place.
///
/// # Safety
///
/// Both places are in the vector's block, which starts at `start`. There are none
/// at the second.
#[inline]
unsafe fn move_elements<T>(start: NonNull<T>, from: usize, to: usize, count: usize) {
    // SAFETY: inside the block (contract).
    let (from, to) = unsafe { (start.add(from), start.add(to)) };
    // One is moved by an instruction or two, without a call.
    if count == 1 {
        // SAFETY: as above. (They are the same if the last one is removed.)
        unsafe { from.copy_to(to, 1) };
    } else {
        // SAFETY: as above.
        unsafe { from.copy_to(to, count) };
    }
}
