//! A growable ring in a heap.

mod drain;
mod gap;
mod iter;
mod ring;
mod traits;

use core::mem::needs_drop;
use core::slice;

pub use self::drain::Drain;
pub use self::iter::{Iter, IterMut};
use self::ring::Ring;
pub use self::traits::IntoIter;
use super::heap::{in_order, too_large};
use super::vec::gap::{Gap, MOVING};
use super::vec::raw::RawVec;
use super::{ContainerError, ShmSafe};
use crate::allocator::Allocator;
use crate::offset::AllocatorId;

/// `VecDeque<T>` in a heap.
///
/// Elements of size 0 do not compile. The room is a power of two.
///
/// ```
/// # use anymem_core::allocator::Allocator;
/// # use anymem_core::container::{ContainerError, ShmDeque};
/// fn last_three(heap: &dyn Allocator) -> Result<(), ContainerError> {
///     let mut last = ShmDeque::new_in(heap);
///     for reading in [20, 21, 19, 22] {
///         if last.len() == 3 {
///             last.pop_front()?;
///         }
///         last.push_back(reading)?;
///     }
///     assert_eq!(last, *[21, 19, 22].as_slice());
///     Ok(())
/// }
/// ```
///
/// # Order of stores
///
/// Elements are counted for ever: `head` is the number of the first one and `tail`
/// that of the next one to be pushed, both go over the end of what fits a word, and
/// the place of an element is its number, plus `origin`, in the low bits that the
/// room has. So each of these is one store, and a process that dies leaves what was
/// before the call or what is after it:
///
/// - pushing and popping at either end moves `head` or `tail`;
/// - a block of another size gets the elements at the places that they have by the
///   one mask and by the other, which differ if they are not the same: either
///   room may be stored in the deque meanwhile;
/// - elements that are made contiguous are copied to free places, then `origin`
///   moves.
///
/// Within the deque elements move over a gap as in a [`ShmVec`](super::ShmVec), and
/// the next access for a change moves those that a death left behind. See
/// [`settle`](super::Trace::settle).
#[repr(C)]
pub struct ShmDeque<T: ShmSafe> {
    raw: RawVec<T>,
    head: usize,
    tail: usize,
    origin: usize,
    gap: Gap,
}

impl<T: ShmSafe> ShmDeque<T> {
    /// An empty deque, to live in `heap`; allocates nothing yet.
    #[must_use]
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(heap.id())
    }

    /// An empty deque, to live in the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(heap: AllocatorId) -> Self {
        Self { raw: RawVec::new(heap), head: 0, tail: 0, origin: 0, gap: Gap::NONE }
    }

    /// An empty deque with room for `capacity` elements at least.
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

    /// A deque of what `elements` gives.
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
        let len = self.counted();
        if len & MOVING == 0 { len } else { self.len_of_parts() }
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

    /// The elements, in two pieces: those of the second follow those of the first.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    #[inline]
    pub fn as_slices(&self) -> Result<(&[T], &[T]), ContainerError> {
        let [first, second] = self.ring()?.slices();
        // SAFETY: these places lie in the heap (`Ring`), elements were written to
        // all of them (the order of stores), and the deque owns them.
        let first = unsafe { slice::from_raw_parts(first.cast().as_ptr(), first.len()) };
        // SAFETY: as above.
        Ok((first, unsafe { slice::from_raw_parts(second.cast().as_ptr(), second.len()) }))
    }

    /// The elements in two pieces, to be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    #[inline]
    pub fn as_mut_slices(&mut self) -> Result<(&mut [T], &mut [T]), ContainerError> {
        let [first, second] = self.whole()?.slices();
        // SAFETY: as in `as_slices`; the deque is borrowed mutably, and the pieces
        // have no place in common.
        let first = unsafe { slice::from_raw_parts_mut(first.cast().as_ptr(), first.len()) };
        // SAFETY: as above.
        Ok((first, unsafe { slice::from_raw_parts_mut(second.cast().as_ptr(), second.len()) }))
    }

    /// Moves the elements so that they are one piece, which is returned.
    ///
    /// A deque that is more than half full may move to a block of twice the size.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the deque is damaged.
    pub fn make_contiguous(&mut self) -> Result<&mut [T], ContainerError> {
        let mut ring = self.whole()?;
        if ring.wraps() && ring.len > ring.capacity / 2 {
            self.exchange(ring, ring.capacity.saturating_mul(2))?;
            ring = self.ring()?;
        }
        if ring.wraps() {
            // To behind the last element: at least as many places are free there.
            let shift = ring.len;
            // SAFETY: the deque's places, free ones.
            unsafe { ring.copy_to(Ring { first: ring.first.wrapping_add(shift), ..ring }) };
            in_order();
            self.origin = self.origin.wrapping_add(shift);
            in_order();
        }
        Ok(self.as_mut_slices()?.0)
    }

    /// The element at `index`, if there is one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn get(&self, index: usize) -> Result<Option<&T>, ContainerError> {
        let ring = self.ring()?;
        // SAFETY: an element of the deque, as in `as_slices`.
        Ok((index < ring.len).then(|| unsafe { ring.place(index).as_ref() }))
    }

    /// The element at `index`, if there is one, to be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn get_mut(&mut self, index: usize) -> Result<Option<&mut T>, ContainerError> {
        let ring = self.whole()?;
        // SAFETY: an element of the deque, which is borrowed mutably.
        Ok((index < ring.len).then(|| unsafe { ring.place(index).as_mut() }))
    }

    /// The first element, if there is one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn front(&self) -> Result<Option<&T>, ContainerError> {
        self.get(0)
    }

    /// The first element, if there is one, to be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn front_mut(&mut self) -> Result<Option<&mut T>, ContainerError> {
        self.get_mut(0)
    }

    /// The last element, if there is one.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn back(&self) -> Result<Option<&T>, ContainerError> {
        self.get(self.len().wrapping_sub(1))
    }

    /// The last element, if there is one, to be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn back_mut(&mut self) -> Result<Option<&mut T>, ContainerError> {
        self.get_mut(self.len().wrapping_sub(1))
    }

    /// Visits the elements in order.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn iter(&self) -> Result<Iter<'_, T>, ContainerError> {
        self.as_slices().map(Iter::new)
    }

    /// Visits the elements in order, to change them.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn iter_mut(&mut self) -> Result<IterMut<'_, T>, ContainerError> {
        self.as_mut_slices().map(IterMut::new)
    }

    /// Appends an element.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the deque is damaged; `value` is
    /// dropped.
    #[inline]
    pub fn push_back(&mut self, value: T) -> Result<(), ContainerError> {
        let ring = self.with_room()?;
        // SAFETY: a place of the deque, a free one.
        unsafe { ring.place(ring.len).write(value) };
        in_order();
        self.tail = self.tail.wrapping_add(1);
        in_order();
        Ok(())
    }

    /// Puts an element before all others.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the deque is damaged; `value` is
    /// dropped.
    #[inline]
    pub fn push_front(&mut self, value: T) -> Result<(), ContainerError> {
        let ring = self.with_room()?;
        // SAFETY: the place before the first, a free one.
        unsafe { ring.place(usize::MAX).write(value) };
        in_order();
        self.head = self.head.wrapping_sub(1);
        in_order();
        Ok(())
    }

    /// Removes the last element.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    #[inline]
    pub fn pop_back(&mut self) -> Result<Option<T>, ContainerError> {
        let ring = self.whole()?;
        let Some(last) = ring.len.checked_sub(1) else { return Ok(None) };
        in_order();
        self.tail = self.tail.wrapping_sub(1);
        in_order();
        // SAFETY: an element of the deque until just now, and nobody's since.
        Ok(Some(unsafe { ring.place(last).read() }))
    }

    /// Removes the first element.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    #[inline]
    pub fn pop_front(&mut self) -> Result<Option<T>, ContainerError> {
        let ring = self.whole()?;
        if ring.len == 0 {
            return Ok(None);
        }
        in_order();
        self.head = self.head.wrapping_add(1);
        in_order();
        // SAFETY: as in `pop_back`.
        Ok(Some(unsafe { ring.place(0).read() }))
    }

    /// Drops all elements but the first `len`, the last one first.
    ///
    /// A death leaves more of them, and the block of at most one is lost.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn truncate(&mut self, len: usize) -> Result<(), ContainerError> {
        let old = self.whole()?.len;
        if !needs_drop::<T>() {
            in_order();
            self.tail = self.head.wrapping_add(len.min(old));
            in_order();
            return Ok(());
        }
        (len..old).try_for_each(|_| self.pop_back().map(drop))
    }

    /// Drops all elements and keeps the room.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn clear(&mut self) -> Result<(), ContainerError> {
        self.truncate(0)
    }

    /// Makes room for `more` elements.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the deque is damaged.
    pub fn reserve(&mut self, more: usize) -> Result<(), ContainerError> {
        let ring = self.whole()?;
        let needed = ring.len.checked_add(more).ok_or(too_large(usize::MAX))?;
        if needed <= self.raw.capacity() {
            return Ok(());
        }
        self.exchange(ring, needed.max(RawVec::<T>::FIRST))
    }

    /// Gives back the room that no element takes, down to a power of two.
    ///
    /// # Errors
    ///
    /// The heap has no block to move to, or is not attached, or the deque is
    /// damaged.
    pub fn shrink_to_fit(&mut self) -> Result<(), ContainerError> {
        let ring = self.whole()?;
        self.exchange(ring, ring.len)
    }

    /// Appends what `elements` gives.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the deque is damaged; what was
    /// appended before stays.
    pub fn extend(&mut self, elements: impl IntoIterator<Item = T>) -> Result<(), ContainerError> {
        let elements = elements.into_iter();
        // A lower bound that is wrong, or too large, is no reason to fail.
        let _ = self.reserve(elements.size_hint().0);
        elements.into_iter().try_for_each(|element| self.push_back(element))
    }

    /// Moves all elements of `other` to the end, one after the other.
    ///
    /// # Errors
    ///
    /// A heap is full or not attached, or a deque is damaged; then none was moved.
    pub fn append(&mut self, other: &mut Self) -> Result<(), ContainerError> {
        let len = other.whole()?.len;
        self.reserve(len)?;
        for _ in 0..len {
            let Some(element) = other.pop_front()? else { break };
            self.push_back(element)?;
        }
        Ok(())
    }

    /// Looks whether all that the deque counts lies in its heap.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the deque is damaged.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.ring()?;
        match self.raw.capacity() {
            0 => Ok(()),
            room if room.is_power_of_two() => Ok(()),
            _ => Err(ContainerError::Corrupt),
        }
    }

    /// How many elements the numbers say; too many while some are on the move.
    #[inline]
    fn counted(&self) -> usize {
        self.tail.wrapping_sub(self.head)
    }

    /// Where the elements are.
    #[inline]
    fn ring(&self) -> Result<Ring<T>, ContainerError> {
        self.ring_of(self.counted())
    }

    #[inline]
    fn ring_of(&self, len: usize) -> Result<Ring<T>, ContainerError> {
        let (start, capacity) = self.raw.room(0)?;
        if len > capacity {
            let moving = len & MOVING != 0;
            return Err(if moving { ContainerError::HalfChanged } else { ContainerError::Corrupt });
        }
        let first = self.head.wrapping_add(self.origin);
        Ok(Ring { start, capacity, first, len })
    }

    /// Where the elements are, none of them on the move any more.
    #[inline]
    fn whole(&mut self) -> Result<Ring<T>, ContainerError> {
        if self.counted() & MOVING != 0 {
            self.close()?;
        }
        self.ring()
    }

    /// As [`whole`](Self::whole), with room for one more.
    #[inline]
    fn with_room(&mut self) -> Result<Ring<T>, ContainerError> {
        if self.counted() >= self.raw.capacity() {
            self.whole()?;
            self.reserve(1)?;
        }
        let ring = self.ring()?;
        if ring.len >= ring.capacity { Err(ContainerError::Corrupt) } else { Ok(ring) }
    }

    /// Moves to a block with room for `capacity` elements at least, if that is
    /// another size.
    #[cold]
    fn exchange(&mut self, ring: Ring<T>, capacity: usize) -> Result<(), ContainerError> {
        let capacity = match capacity {
            0 => 0,
            some => some.checked_next_power_of_two().ok_or(too_large(some))?,
        };
        if capacity == ring.capacity {
            return Ok(());
        }
        let by_new_mask = Ring { capacity, ..ring };
        if capacity < ring.capacity {
            // SAFETY: the deque's places; those that differ are free, for there
            // are no more elements than places in the new room.
            unsafe { ring.copy_to(by_new_mask) };
        }
        let mut fill = |start| {
            let least = ring.capacity.min(capacity);
            // SAFETY: as many places are in the new block, which is free.
            unsafe { ring.copy_to(Ring { start, capacity: least, ..ring }) };
            // SAFETY: as above; no other element has that place by the lesser mask.
            unsafe { ring.copy_to(Ring { start, ..by_new_mask }) };
        };
        self.raw.exchange_with(capacity, &mut fill).map(|_| ())
    }
}
