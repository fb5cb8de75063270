//! Where the elements of a deque are: a window that goes round in a block.

use core::ops::Range;
use core::ptr::NonNull;

/// The elements of a deque, as its numbers said when they were read: once, so that
/// what was checked is what is used.
///
/// Whoever makes one has seen that all places lie in the heap, and that there are no
/// more elements than places.
pub(super) struct Ring<T> {
    pub(super) start: NonNull<T>,
    pub(super) capacity: usize,
    /// The place of the first element, when it is masked.
    pub(super) first: usize,
    pub(super) len: usize,
}

impl<T> Clone for Ring<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ring<T> {}

impl<T> Ring<T> {
    /// The place of the element at `index`, or one that is free.
    #[inline]
    pub(super) fn place(self, index: usize) -> NonNull<T> {
        self.at(self.slot(index))
    }

    #[inline]
    fn at(self, slot: usize) -> NonNull<T> {
        // SAFETY: masked, so a place in the heap (see the type), or where there is
        // none, the start.
        unsafe { self.start.add(slot) }
    }

    #[inline]
    fn slot(self, index: usize) -> usize {
        self.first.wrapping_add(index) & self.mask()
    }

    #[inline]
    fn mask(self) -> usize {
        self.capacity.saturating_sub(1)
    }

    /// Places from that of the element at `index` to the end of the block.
    fn to_end(self, index: usize) -> usize {
        self.mask() + 1 - self.slot(index)
    }

    /// Whether the elements go round the end of the block.
    pub(super) fn wraps(self) -> bool {
        self.len > self.to_end(0)
    }

    /// The slots of the elements in `range`, which is a part of `0..len`.
    #[inline]
    pub(super) fn runs(self, range: Range<usize>) -> [Range<usize>; 2] {
        let slot = self.slot(range.start);
        let count = range.len().min(self.to_end(range.start));
        [slot..slot + count, 0..range.len() - count]
    }

    /// All elements, in two pieces.
    #[inline]
    pub(super) fn slices(self) -> [NonNull<[T]>; 2] {
        self.runs(0..self.len)
            .map(|run| NonNull::slice_from_raw_parts(self.at(run.start), run.len()))
    }

    /// Copies the elements to the places that they have in `to`.
    ///
    /// # Safety
    ///
    /// They may be written to; no other element is there.
    pub(super) unsafe fn copy_to(self, to: Self) {
        let mut index = 0;
        while index < self.len {
            let count = self.to_end(index).min(to.to_end(index)).min(self.len - index);
            // SAFETY: `count` places lie in both, up to the end of the block.
            // (In a damaged deque they may overlap.)
            unsafe { to.place(index).copy_from(self.place(index), count) };
            index += count;
        }
    }

    /// Copies one element to another place.
    ///
    /// # Safety
    ///
    /// There is none at the second, and it may be written to.
    pub(super) unsafe fn move_element(self, from: usize, to: usize) {
        // SAFETY: both lie in the heap (`place`).
        unsafe { self.place(to).copy_from(self.place(from), 1) };
    }
}
