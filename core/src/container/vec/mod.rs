//! A growable array in a heap.

mod raw;
mod traits;

use core::mem::needs_drop;
use core::ptr::{self, NonNull};
use core::slice;

use self::raw::RawVec;
use super::heap::in_order;
use super::{ContainerError, ShmSafe};
use crate::allocator::Allocator;
use crate::offset::{AllocatorId, ShmPtr};

/// `Vec<T>` in a heap.
///
/// Every method looks its heap up, which costs a few nanoseconds: loops do best
/// over [`as_slice`](Self::as_slice) and [`as_mut_slice`](Self::as_mut_slice).
///
/// Elements of size 0 do not compile: a vector of those is a number.
///
/// # Order of stores
///
/// The length counts whole elements only, at any moment: it is raised after an
/// element was written, and lowered before one is moved or dropped. While
/// elements that own something are shifted, it stops before the first of them;
/// a process that dies then loses those, and no element is there twice.
///
/// # Damage
///
/// Each method reads the length once. Elements that a damaged vector has in its
/// own place overwrite it meanwhile, and so may a peer: what was read is what
/// was checked.
#[repr(C)]
pub struct ShmVec<T: ShmSafe> {
    raw: RawVec<T>,
    len: usize,
}

impl<T: ShmSafe> ShmVec<T> {
    /// An empty vector, to live in `heap`; allocates nothing yet.
    #[must_use]
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(heap.id())
    }

    /// An empty vector, to live in the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(heap: AllocatorId) -> Self {
        Self { raw: RawVec::new(heap), len: 0 }
    }

    /// An empty vector with room for `capacity` elements.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn with_capacity_in(
        capacity: usize,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let mut made = Self::new_in(heap);
        made.raw.exchange(0, capacity)?;
        Ok(made)
    }

    /// A vector of clones of `elements`.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn from_slice_in(
        elements: &[T],
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError>
    where
        T: Clone,
    {
        let mut made = Self::with_capacity_in(elements.len(), heap)?;
        made.extend_from_slice(elements)?;
        Ok(made)
    }

    /// How many elements there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many elements there is room for.
    #[must_use]
    #[inline]
    pub fn capacity(&self) -> usize {
        self.raw.capacity()
    }

    /// The id of the heap that the elements live in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.raw.heap_id()
    }

    /// The first element's place, the same for every process; null if there has
    /// been none.
    #[must_use]
    pub fn shm_ptr(&self) -> ShmPtr<T> {
        ShmPtr { allocator: self.raw.heap_id(), ptr: self.raw.offset() }
    }

    /// The elements.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    #[inline]
    pub fn as_slice(&self) -> Result<&[T], ContainerError> {
        let len = self.len;
        let start = self.raw.elements(len)?;
        // SAFETY: `len` elements lie in the heap there (`elements`), all
        // written (the order of stores), and the vector owns them.
        Ok(unsafe { slice::from_raw_parts(start.as_ptr(), len) })
    }

    /// The elements, to be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    #[inline]
    pub fn as_mut_slice(&mut self) -> Result<&mut [T], ContainerError> {
        let len = self.len;
        let start = self.raw.elements(len)?;
        // SAFETY: as in `as_slice`, and the vector is borrowed mutably.
        Ok(unsafe { slice::from_raw_parts_mut(start.as_ptr(), len) })
    }

    /// The element at `index`, if there is one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn get(&self, index: usize) -> Result<Option<&T>, ContainerError> {
        Ok(self.as_slice()?.get(index))
    }

    /// The element at `index`, if there is one, to be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn get_mut(&mut self, index: usize) -> Result<Option<&mut T>, ContainerError> {
        Ok(self.as_mut_slice()?.get_mut(index))
    }

    /// Visits the elements in order.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn iter(&self) -> Result<slice::Iter<'_, T>, ContainerError> {
        Ok(self.as_slice()?.iter())
    }

    /// Visits the elements in order, to change them.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn iter_mut(&mut self) -> Result<slice::IterMut<'_, T>, ContainerError> {
        Ok(self.as_mut_slice()?.iter_mut())
    }

    /// Appends an element.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged; `value` is
    /// dropped.
    #[inline]
    pub fn push(&mut self, value: T) -> Result<(), ContainerError> {
        let len = self.len;
        if len >= self.raw.capacity() {
            self.raw.grow(len, 1)?;
        }
        let start = self.raw.elements(len + 1)?;
        // SAFETY: the places up to `len` lie in the heap (`elements`).
        let place = unsafe { start.add(len) };
        // SAFETY: as above; places from `len` on hold no element.
        unsafe { place.write(value) };
        self.set_len(len + 1);
        Ok(())
    }

    /// Removes the last element.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn pop(&mut self) -> Result<Option<T>, ContainerError> {
        let len = self.len;
        let start = self.raw.elements(len)?;
        let Some(last) = len.checked_sub(1) else { return Ok(None) };
        self.set_len(last);
        // SAFETY: an element of the vector until just now, and nobody's since.
        Ok(Some(unsafe { start.add(last).read() }))
    }

    /// Puts an element before the one at `index`, or at the end.
    ///
    /// # Errors
    ///
    /// `index` is after the end, the heap is full or not attached, or the
    /// vector is damaged; `value` is dropped.
    pub fn insert(&mut self, index: usize, value: T) -> Result<(), ContainerError> {
        let len = self.len;
        if index > len {
            return Err(ContainerError::OutOfBounds { index, len });
        }
        if len >= self.raw.capacity() {
            self.raw.grow(len, 1)?;
        }
        let start = self.raw.elements(len + 1)?;
        self.shift(index, len + 1, || {
            // SAFETY: `index <= len < capacity`, all of which lies in the heap;
            // the elements from `index` on move to the right by one.
            let place = unsafe { start.add(index) };
            // SAFETY: as above.
            unsafe { place.copy_to(place.add(1), len - index) };
            // SAFETY: what was there has moved.
            unsafe { place.write(value) };
        });
        Ok(())
    }

    /// Removes the element at `index` and closes the gap.
    ///
    /// # Errors
    ///
    /// There is none, the heap is not attached, or the vector is damaged.
    pub fn remove(&mut self, index: usize) -> Result<T, ContainerError> {
        let (place, len) = self.place(index)?;
        Ok(self.shift(index, len - 1, || {
            // SAFETY: an element of the vector, which forgets it.
            let removed = unsafe { place.read() };
            // SAFETY: the elements after it move to the left by one.
            unsafe { place.copy_from(place.add(1), len - index - 1) };
            removed
        }))
    }

    /// Removes the element at `index` and puts the last one in its place.
    ///
    /// # Errors
    ///
    /// There is none, the heap is not attached, or the vector is damaged.
    pub fn swap_remove(&mut self, index: usize) -> Result<T, ContainerError> {
        let (place, len) = self.place(index)?;
        Ok(self.shift(index, len - 1, || {
            // SAFETY: an element of the vector, which forgets it.
            let removed = unsafe { place.read() };
            // SAFETY: the last element, which may be the same, moves there.
            unsafe { place.copy_from(place.add(len - index - 1), 1) };
            removed
        }))
    }

    /// Drops all elements but the first `len`.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn truncate(&mut self, len: usize) -> Result<(), ContainerError> {
        let old = self.len;
        let start = self.raw.elements(old)?;
        let Some(surplus) = old.checked_sub(len) else { return Ok(()) };
        self.set_len(len);
        // SAFETY: elements of the vector until just now, and nobody's since.
        let rest = ptr::slice_from_raw_parts_mut(unsafe { start.add(len) }.as_ptr(), surplus);
        // SAFETY: as above.
        unsafe { rest.drop_in_place() };
        Ok(())
    }

    /// Drops all elements and keeps the room.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn clear(&mut self) -> Result<(), ContainerError> {
        self.truncate(0)
    }

    /// Makes room for `more` elements.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged.
    pub fn reserve(&mut self, more: usize) -> Result<(), ContainerError> {
        let len = self.len;
        self.raw.elements(len)?;
        if more <= self.capacity().saturating_sub(len) {
            return Ok(());
        }
        self.raw.grow(len, more)
    }

    /// Gives back the room that no element takes.
    ///
    /// # Errors
    ///
    /// The heap has no block to move to, or is not attached, or the vector is
    /// damaged.
    pub fn shrink_to_fit(&mut self) -> Result<(), ContainerError> {
        if self.len == self.capacity() {
            return Ok(());
        }
        self.raw.exchange(self.len, self.len)
    }

    /// Appends clones of `elements`.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged; then none
    /// was appended.
    pub fn extend_from_slice(&mut self, elements: &[T]) -> Result<(), ContainerError>
    where
        T: Clone,
    {
        self.reserve(elements.len())?;
        elements.iter().try_for_each(|element| self.push(element.clone()))
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

    /// Drops the elements that `keep` says no to.
    ///
    /// If `keep` panics, the elements that it had not seen yet leak.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut T) -> bool) -> Result<(), ContainerError> {
        let len = self.len;
        let start = self.raw.elements(len)?;
        self.set_len(0);
        let mut kept = 0;
        for index in 0..len {
            // SAFETY: an element; `len` of them lie in the heap.
            let mut place = unsafe { start.add(index) };
            // SAFETY: as above, and the vector does not count it at present.
            if keep(unsafe { place.as_mut() }) {
                // SAFETY: at or before `index`, where nothing is counted.
                unsafe { place.copy_to(start.add(kept), 1) };
                kept += 1;
                self.set_len(kept);
            } else {
                // SAFETY: an element that will not be counted again.
                unsafe { place.drop_in_place() };
            }
        }
        Ok(())
    }

    /// Looks whether all that the vector counts lies in its heap.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.as_slice().map(|_| ())
    }

    #[inline]
    fn set_len(&mut self, len: usize) {
        in_order();
        self.len = len;
        in_order();
    }

    /// The address of the element at `index`, and the length.
    fn place(&self, index: usize) -> Result<(NonNull<T>, usize), ContainerError> {
        let len = self.len;
        let start = self.raw.elements(len)?;
        if index >= len {
            return Err(ContainerError::OutOfBounds { index, len });
        }
        // SAFETY: `index` is less than the length, all of which lies in the
        // heap.
        Ok((unsafe { start.add(index) }, len))
    }

    /// Runs `shift`, which moves elements from `index` on; there are `len`
    /// afterwards.
    fn shift<R>(&mut self, index: usize, len: usize, shift: impl FnOnce() -> R) -> R {
        if needs_drop::<T>() {
            self.set_len(index);
        } else {
            // Nothing is lost by counting what is on the move.
            self.set_len(len.min(self.len));
        }
        let result = shift();
        self.set_len(len);
        result
    }
}
