//! The block that handles share: their counts, and the value.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::super::heap::Heap;
use super::super::owned::Owned;
use super::super::{ContainerError, ShmSafe};
use crate::offset::Offset;
use crate::size_class::GRAIN;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Counts, Handles};

/// What stands before every value that handles share.
#[repr(C)]
pub(in super::super) struct Tally {
    /// See [`Counts`].
    counts: AtomicUsize,
    /// For who searches the heap: see `trace/recount.rs`.
    pub(in super::super) met: AtomicUsize,
}

impl Tally {
    pub(super) const fn new(handles: Handles) -> Self {
        Self { counts: AtomicUsize::new(handles.to_word()), met: AtomicUsize::new(0) }
    }

    pub(in super::super) fn counts(&self) -> Counts<'_> {
        Counts::new(&self.counts)
    }

    /// Puts other counts in the place of these. Nobody else uses the heap.
    pub(in super::super) fn set(&self, handles: Handles) {
        self.counts.store(handles.to_word(), Ordering::Relaxed);
    }
}

/// A value, or what is left of it, and its handles' counts.
#[repr(C)]
pub(super) struct ArcBlock<T> {
    pub(super) tally: Tally,
    pub(super) value: T,
}

impl<T: ShmSafe> ArcBlock<T> {
    /// Of every such block. It takes two grains at least: a search through the heap
    /// keeps a mark in each.
    pub(super) const LAYOUT: Layout = {
        let (size, align) = (size_of::<Self>(), align_of::<Self>());
        let size = if size < 2 * GRAIN { 2 * GRAIN } else { size };
        match Layout::from_size_align(size, align) {
            Ok(layout) => layout,
            Err(_) => panic!("as large as the type"),
        }
    };

    /// Where the value stands in the block.
    pub(super) const VALUE: usize = core::mem::offset_of!(Self, value);
}

/// A block that handles share, as this process sees it.
pub(super) struct Shared<T: ShmSafe> {
    heap: Heap,
    at: Owned,
    block: NonNull<ArcBlock<T>>,
}

impl<T: ShmSafe> Shared<T> {
    /// The block at `at`.
    pub(super) fn find(heap: Heap, at: Offset) -> Result<Self, ContainerError> {
        let block = heap.array::<u8>(at, ArcBlock::<T>::LAYOUT.size())?.cast::<ArcBlock<T>>();
        if !block.is_aligned() {
            return Err(ContainerError::Corrupt);
        }
        Ok(Self { heap, at: Owned::new(at).ok_or(ContainerError::Corrupt)?, block })
    }

    /// A new one with these handles, without a value.
    pub(super) fn allocate(heap: Heap, handles: Handles) -> Result<Self, ContainerError> {
        let layout = ArcBlock::<T>::LAYOUT;
        let (at, start) = heap.allocate::<u8>(layout, layout.size())?;
        let block = start.cast::<ArcBlock<T>>();
        // SAFETY: a block of its own, large and aligned enough.
        unsafe { block.cast::<Tally>().write(Tally::new(handles)) };
        Ok(Self { heap, at: Owned::new(at).ok_or(ContainerError::Corrupt)?, block })
    }

    pub(super) fn at(&self) -> Offset {
        self.at.offset()
    }

    /// What a handle holds that keeps the value.
    pub(super) fn owned(&self) -> Owned {
        self.at
    }

    pub(super) fn counts(&self) -> Counts<'_> {
        // SAFETY: inside the heap and aligned; any bits are words, and they are
        // changed atomically only.
        unsafe { self.block.cast::<Tally>().as_ref() }.counts()
    }

    /// Where the value is, if there is one.
    pub(super) fn value(&self) -> NonNull<T> {
        // SAFETY: inside of the block.
        unsafe { self.block.byte_add(ArcBlock::<T>::VALUE) }.cast()
    }

    /// Counts off a strong handle that is gone; drops the value after the last.
    pub(super) fn drop_strong(&self) {
        if self.counts().drop_strong() {
            // SAFETY: no strong handle is left, nor will there be one.
            unsafe { self.value().drop_in_place() };
            self.drop_weak();
        }
    }

    /// Counts off a weak handle that is gone; frees the block after the last.
    pub(super) fn drop_weak(&self) {
        if self.counts().drop_weak() {
            // SAFETY: no handle names the block any more.
            unsafe { self.heap.free(self.at(), ArcBlock::<T>::LAYOUT) };
        }
    }
}
