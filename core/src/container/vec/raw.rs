//! The block behind a vector or a deque: where it is, how much fits, how it is exchanged.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem::offset_of;
use core::ops::Range;
use core::ptr::NonNull;

use super::super::heap::{Heap, array_layout, in_order, too_large};
use super::super::trace::values;
use super::super::{ContainerError, ShmSafe, TraceError, Tracer};
use crate::offset::{AllocatorId, Offset, OffsetPtr};
use crate::sync::atomic::AtomicUsize;

/// Bytes of a small slab.
const SLAB: usize = 4096;

/// Room for `capacity` values of type `T`, none of which it knows to be there.
///
/// # Order of stores
///
/// Place and capacity are two words. They are stored such that at any moment
/// the capacity is not larger than the block at the place: growing stores the
/// place first, shrinking the capacity first. A death may leave it smaller than
/// the block, so it is not by the capacity that blocks are freed, where the
/// allocator can tell how large they are.
#[repr(C)]
pub(in super::super) struct RawVec<T> {
    heap: AllocatorId,
    at: OffsetPtr<T>,
    capacity: usize,
    _owns: PhantomData<T>,
}

impl<T: ShmSafe> RawVec<T> {
    /// Elements that the first block has room for, so that small vectors do not
    /// move at each push.
    pub(in super::super) const FIRST: usize = if size_of::<T>() <= 16 { 8 } else { 4 };

    /// Where the first element's offset and the capacity are.
    pub(super) const WORDS: (usize, usize) = (offset_of!(Self, at), offset_of!(Self, capacity));

    pub(in super::super) const fn new(heap: AllocatorId) -> Self {
        const { assert!(size_of::<T>() != 0, "a sequence of values without a size is a number") };
        Self { heap, at: OffsetPtr::NULL, capacity: 0, _owns: PhantomData }
    }

    #[inline]
    pub(in super::super) fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    #[inline]
    pub(in super::super) fn capacity(&self) -> usize {
        self.capacity
    }

    #[inline]
    pub(in super::super) fn offset(&self) -> OffsetPtr<T> {
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
        self.start(capacity)
    }

    /// The address of all of the capacity, and how much that is: read once. A block
    /// that is there has room for `least` elements, whatever the capacity.
    #[inline]
    pub(in super::super) fn room(
        &self,
        least: usize,
    ) -> Result<(NonNull<T>, usize), ContainerError> {
        let capacity = self.capacity.max(least);
        Ok((self.start(capacity)?, capacity))
    }

    /// The address of the first of `capacity` places, which all lie in the heap;
    /// dangling where that is 0.
    #[inline]
    pub(super) fn start(&self, capacity: usize) -> Result<NonNull<T>, ContainerError> {
        if capacity == 0 {
            return Ok(NonNull::dangling());
        }
        Heap::find(self.heap)?.array(self.at.offset(), capacity)
    }

    /// Makes room for `more` elements after the first `len`, and then some; where, and
    /// for how many in all. That is not read from the vector, where it may have changed.
    #[cold]
    pub(super) fn grow(
        &mut self,
        len: usize,
        more: usize,
    ) -> Result<(NonNull<T>, usize), ContainerError> {
        let needed = len.checked_add(more).ok_or(too_large(usize::MAX))?;
        let doubled = self.capacity.saturating_mul(2).max(Self::FIRST).max(needed);
        let (at, capacity) = match self.grow_to(len, doubled) {
            // There may still be room for what is needed.
            Err(ContainerError::Alloc(_)) if needed < doubled => {
                (self.grow_to(len, needed)?, needed)
            }
            done => (done?, doubled),
        };
        Ok((Heap::find(self.heap)?.array(at, capacity)?, capacity))
    }

    /// Makes room for `capacity` elements, of which the first `len` are there; where.
    fn grow_to(&mut self, len: usize, capacity: usize) -> Result<Offset, ContainerError> {
        match self.grow_in_place(capacity) {
            Some(at) => Ok(at),
            None => self.exchange(len, capacity),
        }
    }

    /// Has the block made larger where it stands, so as to have room for `capacity`;
    /// where, if it was.
    fn grow_in_place(&mut self, capacity: usize) -> Option<Offset> {
        // Only whole slabs grow: it would take its time to find that out.
        if self.capacity.saturating_mul(size_of::<T>()) < SLAB {
            return None;
        }
        let heap = Heap::find(self.heap).ok()?;
        let size = array_layout::<T>(capacity).ok()?.size();
        let (at, old) = self.block(heap)?;
        // SAFETY: the vector's own block.
        if old.size() < size && !unsafe { heap.grow(at, old, size) } {
            return None;
        }
        in_order();
        self.capacity = capacity;
        in_order();
        Some(at)
    }

    /// Moves the first `len` elements to a block with room for `capacity`; where.
    pub(super) fn exchange(
        &mut self,
        len: usize,
        capacity: usize,
    ) -> Result<Offset, ContainerError> {
        let from = self.elements(len)?;
        // SAFETY: the old place holds `len` elements (`elements`), the new block
        // has room for `capacity`. (In a damaged vector they may overlap.)
        let mut fill = |to: NonNull<T>| unsafe { to.copy_from(from, len.min(capacity)) };
        self.exchange_with(capacity, &mut fill)
    }

    /// Takes a block with room for `capacity`, which `fill` moves the elements to,
    /// in the place of the one that is there; where.
    pub(in super::super) fn exchange_with(
        &mut self,
        capacity: usize,
        fill: &mut dyn FnMut(NonNull<T>),
    ) -> Result<Offset, ContainerError> {
        let heap = Heap::find(self.heap)?;
        let new = if capacity == 0 { None } else { Some(array_layout::<T>(capacity)?) };
        let (old, before) = (self.block(heap), self.capacity);
        self.capacity = capacity.min(before);
        in_order();
        let mut fill = |to: NonNull<u8>| fill(to.cast());
        // SAFETY: the word is the vector's own, which is the only one to know of
        // the block.
        let done = unsafe { heap.exchange(self.link(), old, (new, 0), &mut fill) };
        in_order();
        self.capacity = if done.is_ok() { capacity } else { before };
        done
    }

    /// Gives the block up; its elements are no longer there.
    pub(in super::super) fn release(&mut self) {
        let Ok(heap) = Heap::find(self.heap) else { return };
        let old = self.block(heap);
        self.capacity = 0;
        in_order();
        self.at = OffsetPtr::NULL;
        in_order();
        if let Some((at, layout)) = old {
            // SAFETY: only the vector knew of its block, and it has forgotten it.
            unsafe { heap.free(at, layout) };
        }
    }

    /// The word that names the block.
    fn link(&mut self) -> NonNull<AtomicUsize> {
        NonNull::from(&mut self.at).cast()
    }

    /// The block and its layout, if there is one.
    fn block(&self, heap: Heap) -> Option<(Offset, Layout)> {
        let at = self.at.offset();
        if at.is_null() {
            return None;
        }
        let said = || self.capacity.checked_mul(size_of::<T>());
        let size = heap.allocator().usable_size_of(at).or_else(said)?;
        Some((at, Layout::from_size_align(size, align_of::<T>()).ok()?))
    }

    /// Names the block, which has `len` places or more, the first `first` of them
    /// with elements; whether the others have to be looked at.
    ///
    /// # Safety
    ///
    /// There are elements, if what the vector names is a block.
    pub(in super::super) unsafe fn trace_block(
        &self,
        (first, len): (usize, usize),
        tracer: &mut Tracer<'_>,
    ) -> Result<bool, TraceError> {
        let at = self.at.offset();
        if at.is_null() {
            return Ok(false);
        }
        let bytes = self.capacity.max(len).checked_mul(size_of::<T>());
        let bytes = bytes.filter(|_| first <= len);
        let bytes = bytes.ok_or(TraceError::Damaged { at })?;
        // SAFETY: passed on from the caller.
        unsafe { tracer.owned(self.heap, at, bytes, (values::<T>, first)) }
    }

    /// Has the elements in `run` looked at.
    ///
    /// # Safety
    ///
    /// There are elements, if what the vector names is a block.
    pub(in super::super) unsafe fn trace_run(
        &self,
        run: Range<usize>,
        tracer: &mut Tracer<'_>,
    ) -> Result<(), TraceError> {
        let at = self.at.offset().add(run.start.wrapping_mul(size_of::<T>()));
        // SAFETY: passed on from the caller.
        if run.is_empty() { Ok(()) } else { unsafe { tracer.note(values::<T>, at, run.len()) } }
    }
}
