//! Many elements at once.

use core::iter;
use core::ops::RangeBounds;

use super::super::{ContainerError, ShmSafe};
use super::ShmVec;
use super::drain::inside;
use crate::allocator::Allocator;

impl<T: ShmSafe> ShmVec<T> {
    /// A vector of what `elements` gives.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn from_iter_in(
        elements: impl IntoIterator<Item = T>,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let mut made = Self::new_in(heap);
        made.extend(elements)?;
        Ok(made)
    }

    /// A vector of clones of the elements, in the same heap.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged.
    pub fn try_clone(&self) -> Result<Self, ContainerError>
    where
        T: Clone,
    {
        let mut made = Self::with_heap_id(self.heap_id());
        made.extend_from_slice(self.as_slice()?)?;
        Ok(made)
    }

    /// Appends what `elements` gives.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged; what was
    /// appended before stays.
    pub fn extend(&mut self, elements: impl IntoIterator<Item = T>) -> Result<(), ContainerError> {
        self.open()?.extend(elements)
    }

    /// Appends clones of `elements`.
    ///
    /// A death leaves some of them.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged; then none
    /// was appended.
    pub fn extend_from_slice(&mut self, elements: &[T]) -> Result<(), ContainerError>
    where
        T: Clone,
    {
        self.open()?.extend_from_slice(elements)
    }

    /// Makes the vector `len` elements long: drops the last ones, or appends clones
    /// of `value`.
    ///
    /// A death leaves some of them.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged.
    pub fn resize(&mut self, len: usize, value: T) -> Result<(), ContainerError>
    where
        T: Clone,
    {
        self.resize_with(len, || value.clone())
    }

    /// Makes the vector `len` elements long: drops the last ones, or appends what
    /// `make` makes.
    ///
    /// A death leaves some of them.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged.
    pub fn resize_with(
        &mut self,
        len: usize,
        make: impl FnMut() -> T,
    ) -> Result<(), ContainerError> {
        let mut open = self.open()?;
        open.truncate(len);
        let more = len - open.len();
        open.append(iter::repeat_with(make).take(more))
    }

    /// Appends clones of the elements in `range`.
    ///
    /// # Errors
    ///
    /// The range reaches beyond the end, the heap is full or not attached, or the
    /// vector is damaged; then none was appended.
    pub fn extend_from_within(
        &mut self,
        range: impl RangeBounds<usize>,
    ) -> Result<(), ContainerError>
    where
        T: Clone,
    {
        let mut open = self.open()?;
        let range = inside(range, open.len())?;
        open.reserve(range.len())?;
        for index in range {
            if let Some(element) = open.get(index).cloned() {
                open.push(element)?;
            }
        }
        Ok(())
    }

    /// Drops elements that are equal to the one before.
    ///
    /// # Errors
    ///
    /// As for [`dedup_by`](Self::dedup_by).
    pub fn dedup(&mut self) -> Result<(), ContainerError>
    where
        T: PartialEq,
    {
        self.dedup_by(|element, before| element == before)
    }

    /// Drops elements whose key is equal to that of the one before.
    ///
    /// # Errors
    ///
    /// As for [`dedup_by`](Self::dedup_by).
    pub fn dedup_by_key<K: PartialEq>(
        &mut self,
        mut key: impl FnMut(&mut T) -> K,
    ) -> Result<(), ContainerError> {
        self.dedup_by(|element, before| key(element) == key(before))
    }

    /// Moves all elements of `other` to the end of this vector.
    ///
    /// They are in neither for a moment: a death then loses them.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or a vector is damaged; then none was
    /// moved.
    pub fn append(&mut self, other: &mut Self) -> Result<(), ContainerError> {
        let (from, more) = other.whole()?;
        self.reserve(more)?;
        let len = self.len;
        let start = self.raw.elements(len.saturating_add(more))?;
        // SAFETY: inside the block, which has room for as many.
        let end = unsafe { start.add(len) };
        other.set_len(0);
        // SAFETY: as above; `more` elements are there, and nobody counts them. (In
        // damaged vectors they may overlap.)
        unsafe { from.copy_to(end, more) };
        self.set_len(len + more);
        Ok(())
    }

    /// Moves the elements from `at` on to a vector of their own, in the same heap.
    ///
    /// A death leaves all of them, or all that stay.
    ///
    /// # Errors
    ///
    /// `at` is after the end, the heap is full or not attached, or the vector is
    /// damaged.
    pub fn split_off(&mut self, at: usize) -> Result<Self, ContainerError> {
        let (start, len) = self.whole()?;
        let tail = inside(at.., len)?;
        let mut made = Self::with_heap_id(self.heap_id());
        made.reserve(tail.len())?;
        let to = made.raw.elements(tail.len())?;
        self.set_len(at);
        // SAFETY: `at` is at most the length.
        let from = unsafe { start.add(at) };
        // SAFETY: as many elements are there, and nobody counts them; there is room
        // for them. (In damaged vectors they may overlap.)
        unsafe { from.copy_to(to, tail.len()) };
        made.set_len(tail.len());
        Ok(made)
    }

    /// Puts what `with` gives in the place of the elements in `range`, which are
    /// returned in a vector of the same heap.
    ///
    /// A death leaves all of them, or none of them and either none or all of the new
    /// ones.
    ///
    /// # Errors
    ///
    /// The range reaches beyond the end, the heap is full or not attached, or the
    /// vector is damaged. Then nothing was changed.
    pub fn splice(
        &mut self,
        range: impl RangeBounds<usize>,
        with: impl IntoIterator<Item = T>,
    ) -> Result<Self, ContainerError> {
        let range = inside(range, self.whole()?.1)?;
        let (mut new, mut gone) =
            (Self::with_heap_id(self.heap_id()), Self::with_heap_id(self.heap_id()));
        new.extend(with)?;
        self.reserve(new.len())?;
        gone.reserve(range.len())?;
        let at = range.start;
        gone.extend(self.drain(range)?)?;
        self.insert_all(at, new.into_iter())?;
        Ok(gone)
    }
}
