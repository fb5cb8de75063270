//! A growable array that keeps a few elements in place.

mod drain;
mod places;
mod traits;

use core::mem::{MaybeUninit, needs_drop};
use core::ptr::NonNull;
use core::slice;

pub use self::drain::Drain;
use self::places::{Places, parts};
use super::heap::{in_order, too_large};
use super::vec::gap::{Gap, MOVING};
use super::vec::raw::RawVec;
use super::{ContainerError, ShmSafe};
use crate::allocator::Allocator;
use crate::offset::AllocatorId;

/// A vector with room for `N` elements in place, and a block in a heap for more.
///
/// As a [`ShmVec`](super::ShmVec) otherwise, and as the `smallvec` crate's.
///
/// ```
/// # use anymem_core::allocator::Allocator;
/// # use anymem_core::container::{ContainerError, ShmSmallVec};
/// fn tags(heap: &dyn Allocator) -> Result<(), ContainerError> {
///     let mut tags = ShmSmallVec::<u32, 4>::new_in(heap);
///     tags.extend([1, 2, 3, 4])?;
///     assert!(!tags.spilled());
///     tags.push(5)?;
///     assert!(tags.spilled());
///     Ok(())
/// }
/// ```
///
/// # Order of stores
///
/// The elements are in the block if there is one, and in place otherwise: they move
/// with one store, after they were copied. A block has room for `N` elements at
/// least, so it need not have a capacity to be used.
#[repr(C)]
pub struct ShmSmallVec<T: ShmSafe, const N: usize> {
    raw: RawVec<T>,
    len: usize,
    gap: Gap,
    in_place: [MaybeUninit<T>; N],
}

impl<T: ShmSafe, const N: usize> ShmSmallVec<T, N> {
    /// An empty vector, to spill into `heap`; allocates nothing yet.
    #[must_use]
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(heap.id())
    }

    /// An empty vector, to spill into the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(heap: AllocatorId) -> Self {
        let in_place = [const { MaybeUninit::uninit() }; N];
        Self { raw: RawVec::new(heap), len: 0, gap: Gap::NONE, in_place }
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
        made.reserve(capacity)?;
        Ok(made)
    }

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

    /// How many elements there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        parts(self.len, &self.gap).map_or(0, |(first, second, end)| first + (end - second))
    }

    /// Whether there are none.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many elements there is room for.
    #[must_use]
    #[inline]
    pub fn capacity(&self) -> usize {
        if self.spilled() { self.raw.capacity().max(N) } else { N }
    }

    /// Whether the elements are in a block of the heap.
    #[must_use]
    #[inline]
    pub fn spilled(&self) -> bool {
        !self.raw.offset().is_null()
    }

    /// The id of the heap that the elements spill into.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.raw.heap_id()
    }

    /// The elements.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    #[inline]
    pub fn as_slice(&self) -> Result<&[T], ContainerError> {
        let (start, capacity) = match self.spilled() {
            true => self.raw.room(N)?,
            false => (NonNull::from(&self.in_place).cast(), N),
        };
        let len = self.len;
        if len > capacity {
            let moving = len & MOVING != 0;
            return Err(if moving { ContainerError::HalfChanged } else { ContainerError::Corrupt });
        }
        // SAFETY: `capacity` places lie there, and elements were written to the first
        // `len`, which the vector owns.
        Ok(unsafe { slice::from_raw_parts(start.as_ptr(), len) })
    }

    /// The elements, to be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    #[inline]
    pub fn as_mut_slice(&mut self) -> Result<&mut [T], ContainerError> {
        let mut places = self.places()?;
        let len = places.whole()?;
        // SAFETY: as in `as_slice`, and the vector is borrowed mutably.
        Ok(unsafe { slice::from_raw_parts_mut(places.start.as_ptr(), len) })
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
        let mut value = Some(value);
        let mut places = self.places()?;
        let len = places.whole()?;
        if places.push(len, &mut value) {
            return Ok(());
        }
        self.reserve(1)?;
        let pushed = self.places()?.push(len, &mut value);
        if pushed { Ok(()) } else { Err(ContainerError::Corrupt) }
    }

    /// Removes the last element.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<T>, ContainerError> {
        let mut places = self.places()?;
        let Some(last) = places.whole()?.checked_sub(1) else { return Ok(None) };
        places.set_len(last);
        // SAFETY: an element of the vector until just now, and nobody's since.
        Ok(Some(unsafe { places.place(last).read() }))
    }

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
        let len = self.places()?.whole()?;
        if index > len {
            return Err(ContainerError::OutOfBounds { index, len });
        }
        self.reserve(1)?;
        let mut places = self.places()?;
        if len >= places.capacity {
            return Err(ContainerError::Corrupt);
        }
        places.insert(index, len, value);
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
        let mut places = self.places()?;
        let len = places.whole()?;
        if index >= len {
            return Err(ContainerError::OutOfBounds { index, len });
        }
        // SAFETY: an element of the vector, which forgets it.
        let removed = unsafe { places.place(index).read() };
        places.begin(Gap { at: index, len: 1 }, len);
        places.close()?;
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
    pub fn retain(&mut self, keep: impl FnMut(&mut T) -> bool) -> Result<(), ContainerError> {
        let mut places = self.places()?;
        let len = places.whole()?;
        places.retain(len, keep);
        Ok(())
    }

    /// Drops all elements but the first `len`, the last one first.
    ///
    /// A death leaves more of them, and the block of at most one is lost.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn truncate(&mut self, len: usize) -> Result<(), ContainerError> {
        let mut places = self.places()?;
        let old = places.whole()?;
        if !needs_drop::<T>() {
            places.set_len(len.min(old));
            return Ok(());
        }
        (len..old).try_for_each(|_| self.pop().map(drop))
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
        let mut places = self.places()?;
        let (len, capacity) = (places.whole()?, places.capacity);
        let needed = len.checked_add(more).ok_or(too_large(usize::MAX))?;
        if needed <= capacity {
            return Ok(());
        }
        let doubled = needed.max(capacity.saturating_mul(2)).max(RawVec::<T>::FIRST);
        match self.exchange(doubled) {
            // There may still be room for what is needed.
            Err(ContainerError::Alloc(_)) if needed < doubled => self.exchange(needed),
            done => done,
        }
    }

    /// Gives back the room that no element takes; elements that fit go back in
    /// place.
    ///
    /// # Errors
    ///
    /// The heap has no block to move to, or is not attached, or the vector is
    /// damaged.
    pub fn shrink_to_fit(&mut self) -> Result<(), ContainerError> {
        let len = self.places()?.whole()?;
        if !self.spilled() || len == self.raw.capacity() && len > N {
            return Ok(());
        }
        if len > N {
            return self.exchange(len);
        }
        let from = self.places()?.start;
        let in_place = NonNull::from(&mut self.in_place).cast::<T>();
        // SAFETY: there are `len` elements, and as many places.
        unsafe { in_place.copy_from(from, len) };
        self.raw.exchange_with(0, &mut |_| ()).map(|_| ())
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

    /// Looks whether all that the vector counts is in place or lies in its heap.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.as_slice().map(|_| ())
    }

    /// Moves to a block with room for `capacity` elements, which are `N` or more and
    /// as many as there are.
    #[cold]
    fn exchange(&mut self, capacity: usize) -> Result<(), ContainerError> {
        let mut places = self.places()?;
        let (from, len) = (places.start, places.whole()?);
        // SAFETY: there are `len` elements, and the new block has room for as many.
        // (In a damaged vector they may overlap.)
        let mut fill = |to: NonNull<T>| unsafe { to.copy_from(from, len.min(capacity)) };
        self.raw.exchange_with(capacity, &mut fill)?;
        in_order();
        Ok(())
    }

    /// The places that elements have, and the words that tell of them.
    #[inline]
    fn places(&mut self) -> Result<Places<'_, T>, ContainerError> {
        let Self { raw, len, gap, in_place } = self;
        let (start, capacity) = match raw.offset().is_null() {
            true => (NonNull::from(in_place).cast(), N),
            false => raw.room(N)?,
        };
        Ok(Places { start, capacity, len, gap })
    }
}
