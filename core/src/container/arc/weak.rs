//! Handles that do not keep a value.

use core::fmt;
use core::marker::PhantomData;

use super::super::heap::{Heap, in_order};
use super::super::trace::Handle;
use super::super::{ContainerError, ShmSafe, Trace, TraceError, Tracer};
use super::block::{ArcBlock, Shared};
use super::{ShmArc, room_for_one};
use crate::allocator::Allocator;
use crate::offset::{AllocatorId, Offset, OffsetPtr};
use crate::sync::{Handles, NoUpgrade};

/// A `Weak<T>` in a heap: names a value that [`ShmArc`]s keep, and does not keep it.
///
/// It keeps the block that the value stood in. So circles of values that name each
/// other, a tree whose nodes know their parent say, are made with these.
#[repr(C)]
pub struct ShmWeak<T: ShmSafe> {
    heap: AllocatorId,
    at: OffsetPtr<ArcBlock<T>>,
    _names: PhantomData<*const T>,
}

// SAFETY: as for `ShmArc`, which it turns into.
unsafe impl<T: ShmSafe + Send + Sync> Send for ShmWeak<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: ShmSafe + Send + Sync> Sync for ShmWeak<T> {}

impl<T: ShmSafe> ShmWeak<T> {
    /// One that names no value, to live in `heap`; allocates nothing.
    #[must_use]
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Self {
        Self::at(heap.id(), Offset::NULL)
    }

    /// The handle to the block at `at`, which it is counted for.
    pub(super) fn at(heap: AllocatorId, at: Offset) -> Self {
        Self { heap, at: OffsetPtr::new(at), _names: PhantomData }
    }

    /// A handle that keeps the value, if that is still there.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the handle or a count is damaged.
    pub fn upgrade(&self) -> Result<Option<ShmArc<T>>, ContainerError> {
        let Some(shared) = self.shared_to_write()? else { return Ok(None) };
        match shared.counts().upgrade() {
            Ok(()) => Ok(Some(ShmArc::of(self.heap, &shared))),
            Err(NoUpgrade::Gone) => Ok(None),
            Err(NoUpgrade::TooMany) => Err(ContainerError::Corrupt),
        }
    }

    /// One more handle to the same value.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the handle or a count is damaged.
    pub fn try_clone(&self) -> Result<Self, ContainerError> {
        if let Some(shared) = self.shared_to_write()? {
            room_for_one(shared.counts().add_weak())?;
        }
        Ok(Self::at(self.heap, self.at.offset()))
    }

    /// Handles that keep the value, at some moment.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the handle is damaged.
    pub fn strong_count(&self) -> Result<usize, ContainerError> {
        Ok(self.shared()?.map_or(0, |shared| shared.counts().get().strong))
    }

    /// Handles that do not keep the value, at some moment; 0 if that is gone, as of
    /// `std::sync::Weak`.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the handle is damaged.
    pub fn weak_count(&self) -> Result<usize, ContainerError> {
        Ok(match self.shared()?.map(|shared| shared.counts().get()) {
            Some(Handles { strong: 1.., weak }) => weak.saturating_sub(1),
            _ => 0,
        })
    }

    /// Whether both name the same value, or none.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.at == other.at && (self.at.is_null() || self.heap == other.heap)
    }

    /// The id of the heap that the value lives in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// Looks whether the handle points into its heap, or to nothing.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the handle is damaged.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.shared().map(|_| ())
    }

    fn shared(&self) -> Result<Option<Shared<T>>, ContainerError> {
        if self.at.is_null() {
            return Ok(None);
        }
        Shared::find(Heap::find(self.heap)?, self.at.offset()).map(Some)
    }

    fn shared_to_write(&self) -> Result<Option<Shared<T>>, ContainerError> {
        if !self.at.is_null() {
            Heap::find(self.heap)?.writable()?;
        }
        self.shared()
    }
}

impl<T: ShmSafe> Drop for ShmWeak<T> {
    /// Frees the block after the last handle; leaks it where the heap is not
    /// attached.
    fn drop(&mut self) {
        let Ok(Some(shared)) = self.shared_to_write() else { return };
        // Whoever meets the handle again finds none, and the count is too high
        // until it is counted off: never too low.
        self.at = OffsetPtr::NULL;
        in_order();
        shared.drop_weak();
    }
}

impl<T: ShmSafe> Trace for ShmWeak<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        let (at, layout) = (self.at.offset(), ArcBlock::<T>::LAYOUT);
        if at.is_null() {
            return Ok(());
        }
        // SAFETY: what is there are the counts of a value.
        unsafe { tracer.counted(self.heap, at, layout.size(), Handle::Weak) }
    }
}

impl<T: ShmSafe> fmt::Debug for ShmWeak<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(ShmWeak)")
    }
}
