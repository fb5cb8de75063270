//! A growable array in a heap.

mod drain;
mod edit;
pub(super) mod gap;
mod open;
pub(super) mod raw;
mod traits;

use core::mem::offset_of;
use core::slice;

pub(super) use self::drain::inside;
pub use self::drain::{Drain, IntoIter};
pub use self::open::OpenVec;

use self::gap::{Gap, MOVING};
use self::raw::RawVec;
use super::heap::in_order;
use super::words::VecWords;
use super::{ContainerError, ShmSafe};
use crate::allocator::Allocator;
use crate::offset::{AllocatorId, ShmPtr};

/// `Vec<T>` in a heap.
///
/// Every method looks its heap up, which costs a nanosecond or so: loops do best
/// over [`as_slice`](Self::as_slice) and [`as_mut_slice`](Self::as_mut_slice), and
/// append to what [`open`](Self::open) returns.
///
/// Elements of size 0 do not compile: a vector of those is a number.
///
/// # Order of stores
///
/// The length counts whole elements only, at any moment: it is raised after an
/// element was written, and lowered before one is dropped. A process that dies
/// while it moves elements within the vector leaves word of how far it got, and
/// the next access for a change moves the rest: the vector is as it was before
/// the call or as after it. See [`settle`](super::Trace::settle).
#[repr(C)]
pub struct ShmVec<T: ShmSafe> {
    raw: RawVec<T>,
    len: usize,
    gap: Gap,
}

impl<T: ShmSafe> ShmVec<T> {
    /// Where its words are, for code that is not Rust.
    pub const WORDS: VecWords = VecWords {
        bytes: size_of::<Self>(),
        at: offset_of!(Self, raw) + RawVec::<T>::WORDS.0,
        capacity: offset_of!(Self, raw) + RawVec::<T>::WORDS.1,
        len: offset_of!(Self, len),
    };

    /// An empty vector, to live in `heap`; allocates nothing yet.
    #[must_use]
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(heap.id())
    }

    /// An empty vector, to live in the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(heap: AllocatorId) -> Self {
        Self { raw: RawVec::new(heap), len: 0, gap: Gap::NONE }
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
        if self.len & MOVING == 0 { self.len } else { self.len_of_parts() }
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
        if len > self.raw.capacity() {
            return Err(self.unreadable());
        }
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
        if len > self.raw.capacity() {
            return self.close_and(Self::as_mut_slice);
        }
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
        let (len, capacity) = (self.len, self.raw.capacity());
        if len >= capacity {
            return self.push_to_full(value);
        }
        self.opened(len, capacity)?.push(value)
    }

    /// Removes the last element.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<T>, ContainerError> {
        Ok(self.open()?.pop())
    }

    /// Drops all elements but the first `len`, the last one first.
    ///
    /// A death leaves more of them, and the block of at most one is lost.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn truncate(&mut self, len: usize) -> Result<(), ContainerError> {
        self.open()?.truncate(len);
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

    /// The first element, if there is one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn first(&self) -> Result<Option<&T>, ContainerError> {
        Ok(self.as_slice()?.first())
    }

    /// The last element, if there is one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn last(&self) -> Result<Option<&T>, ContainerError> {
        Ok(self.as_slice()?.last())
    }

    /// Makes room for `more` elements.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the vector is damaged.
    pub fn reserve(&mut self, more: usize) -> Result<(), ContainerError> {
        let (_, len) = self.whole()?;
        if more <= self.raw.capacity().saturating_sub(len) {
            return Ok(());
        }
        self.raw.grow(len, more).map(|_| ())
    }

    /// Gives back the room that no element takes.
    ///
    /// # Errors
    ///
    /// The heap has no block to move to, or is not attached, or the vector is
    /// damaged.
    pub fn shrink_to_fit(&mut self) -> Result<(), ContainerError> {
        let (_, len) = self.whole()?;
        if len == self.capacity() {
            return Ok(());
        }
        self.raw.exchange(len, len).map(|_| ())
    }

    /// Looks whether all that the vector counts lies in its heap.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the vector is damaged.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.as_slice().map(|_| ())
    }

    /// Appends an element for which there is no room, or seems to be none.
    #[cold]
    #[inline(never)]
    fn push_to_full(&mut self, value: T) -> Result<(), ContainerError> {
        let mut open = self.open()?;
        open.reserve(1)?;
        open.push(value)
    }

    /// Closes the gap, if that is what is the matter, and goes on as ever.
    ///
    /// Called last, so that the common way saves nothing for it.
    #[cold]
    #[inline(never)]
    fn close_and<'v, R>(
        &'v mut self,
        then: fn(&'v mut Self) -> Result<R, ContainerError>,
    ) -> Result<R, ContainerError> {
        self.whole()?;
        then(self)
    }

    /// How many elements there are while some are on the move.
    #[cold]
    fn len_of_parts(&self) -> usize {
        self.parts().map_or(0, |(first, second, end)| first + (end - second))
    }

    /// Why there are more elements than there is room for.
    #[cold]
    fn unreadable(&self) -> ContainerError {
        let moving = self.len & MOVING != 0;
        if moving { ContainerError::HalfChanged } else { ContainerError::Corrupt }
    }

    #[inline]
    fn set_len(&mut self, len: usize) {
        in_order();
        self.len = len;
        in_order();
    }
}
