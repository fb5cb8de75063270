//! The block behind a vector: where it is, how much fits, how it is exchanged.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::super::heap::{Heap, array_layout, in_order, too_large};
use super::super::{ContainerError, ShmSafe};
use crate::offset::{AllocatorId, Offset, OffsetPtr};

/// Room for `capacity` values of type `T`, none of which it knows to be there.
///
/// # Order of stores
///
/// Place and capacity are two words. They are stored such that at any moment
/// the capacity is not larger than the block at the place: growing stores the
/// place first, shrinking the capacity first. The old block is freed last.
#[repr(C)]
pub(super) struct RawVec<T> {
    heap: AllocatorId,
    at: OffsetPtr<T>,
    capacity: usize,
    _owns: PhantomData<T>,
}

impl<T: ShmSafe> RawVec<T> {
    /// Elements that the first block has room for, so that small vectors do not
    /// move at each push.
    const FIRST: usize = if size_of::<T>() <= 16 { 8 } else { 4 };

    pub(super) const fn new(heap: AllocatorId) -> Self {
        const { assert!(size_of::<T>() != 0, "a ShmVec of values without a size is a number") };
        Self { heap, at: OffsetPtr::NULL, capacity: 0, _owns: PhantomData }
    }

    #[inline]
    pub(super) fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    #[inline]
    pub(super) fn offset(&self) -> OffsetPtr<T> {
        self.at
    }

    /// The address of the first of `len` elements, which all lie in the heap, as
    /// all of the capacity does.
    ///
    /// Dangling where the capacity is 0.
    #[inline]
    pub(super) fn elements(&self, len: usize) -> Result<NonNull<T>, ContainerError> {
        // Read once: what is checked is what is used.
        let capacity = self.capacity;
        if len > capacity {
            return Err(ContainerError::Corrupt);
        }
        if capacity == 0 {
            return Ok(NonNull::dangling());
        }
        Heap::find(self.heap)?.array(self.at.offset(), capacity)
    }

    /// Makes room for `more` elements after the first `len`, and then some.
    #[cold]
    pub(super) fn grow(&mut self, len: usize, more: usize) -> Result<(), ContainerError> {
        let needed = len.checked_add(more).ok_or(too_large(usize::MAX))?;
        let doubled = self.capacity.saturating_mul(2).max(Self::FIRST);
        match self.exchange(len, needed.max(doubled)) {
            // There may still be room for what is needed.
            Err(ContainerError::Alloc(_)) if needed < doubled => self.exchange(len, needed),
            done => done,
        }
    }

    /// Moves the first `len` elements to a block with room for `capacity`.
    pub(super) fn exchange(&mut self, len: usize, capacity: usize) -> Result<(), ContainerError> {
        let heap = Heap::find(self.heap)?;
        let from = self.elements(len)?;
        let (at, to) = match capacity {
            0 => (Offset::NULL, NonNull::dangling()),
            _ => heap.allocate::<T>(array_layout::<T>(capacity)?, capacity)?,
        };
        // SAFETY: the old place holds `len` elements (`elements`), the new block
        // has room for them. (In a damaged vector they may overlap.)
        unsafe { to.copy_from(from, len.min(capacity)) };
        let (old, old_layout) = (self.at.offset(), array_layout::<T>(self.capacity));
        in_order();
        self.publish(OffsetPtr::new(at), capacity);
        free_old(heap, old, old_layout);
        Ok(())
    }

    /// Gives the block up; its elements are no longer there.
    pub(super) fn release(&mut self) {
        let (old, old_layout) = (self.at.offset(), array_layout::<T>(self.capacity));
        self.publish(OffsetPtr::NULL, 0);
        if let Ok(heap) = Heap::find(self.heap) {
            free_old(heap, old, old_layout);
        }
    }

    fn publish(&mut self, at: OffsetPtr<T>, capacity: usize) {
        if capacity < self.capacity {
            self.capacity = capacity;
            in_order();
        }
        self.at = at;
        in_order();
        self.capacity = capacity;
        in_order();
    }
}

/// Frees a vector's former block, if it had one.
fn free_old(heap: Heap, at: Offset, layout: Result<Layout, ContainerError>) {
    if let Some(layout) = layout.ok().filter(|layout| layout.size() != 0 && !at.is_null()) {
        // SAFETY: only the vector knew of its block, and it has forgotten it.
        unsafe { heap.free(at, layout) };
    }
}
