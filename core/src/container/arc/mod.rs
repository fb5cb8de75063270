//! Values with several owners, in all processes.

pub(super) mod block;
mod weak;

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::heap::{Heap, in_order};
use super::owned::Owned;
use super::trace::{Handle, values};
use super::{ContainerError, ShmSafe, Trace, TraceError, Tracer};
use crate::allocator::Allocator;
use crate::offset::{AllocatorId, Offset, OffsetPtr, ShmPtr};
use crate::sync::Handles;
use block::{ArcBlock, Shared, Tally};

pub use weak::ShmWeak;

/// Owns a `T` in a heap together with others, as `Arc<T>` does in the process's own.
///
/// Handles live in the heap, in containers and under roots, or in the memory of a
/// process; each process clones and drops them. The value is dropped with the last
/// one, and shared until then: put a lock or an atomic into it to change it, or use
/// [`get_mut`](Self::get_mut) and [`make_mut`](Self::make_mut).
///
/// ```no_run
/// use anymem_core::allocator::Allocator;
/// use anymem_core::container::{ContainerError, ShmArc, ShmString, ShmVec};
///
/// /// Puts the same text into both lists.
/// fn share(
///     text: &str,
///     lists: &mut [ShmVec<ShmArc<ShmString>>; 2],
///     heap: &impl Allocator,
/// ) -> Result<(), ContainerError> {
///     let text = ShmArc::new_in(ShmString::from_str_in(text, heap)?, heap)?;
///     lists[0].push(text.try_clone()?)?;
///     lists[1].push(text)
/// }
/// ```
///
/// `Option<ShmArc<T>>` is as large, and may live in a heap as well: a link to what may
/// not be there.
///
/// # When a process dies
///
/// The counts are never too low, so a value is never dropped too early: a handle is
/// counted before it is anywhere, and counted off when it is gone from where it was.
/// A process that dies leaves them too high by
///
/// - the handles that it had in its own memory, and
/// - one, if it died while it made a handle or dropped one.
///
/// So a value may live too long, until the heap's unreachable blocks are reclaimed:
/// [`reclaim_unreachable`] counts the handles that it meets and sets the counts
/// right, in time proportional to the heap and without a further pass. A value that
/// no strong handle is met for is gone from there on: its blocks are freed, its
/// destructor is not run, and weak handles give none any more. That also frees
/// circles of strong handles that nobody reaches.
///
/// It leaves a count as it is, rather than setting it too low, where an
/// [`OffsetPtr`] or a block that is kept for one may be a handle.
///
/// [`reclaim_unreachable`]: crate::allocator::ThreadLocalAllocator::reclaim_unreachable
#[repr(C)]
pub struct ShmArc<T: ShmSafe> {
    heap: AllocatorId,
    at: Owned,
    _owns: PhantomData<*const T>,
}

// SAFETY: handles on several threads share the value, and the last one drops it.
unsafe impl<T: ShmSafe + Send + Sync> Send for ShmArc<T> {}
// SAFETY: as for `Send`: who has a reference can make a handle.
unsafe impl<T: ShmSafe + Send + Sync> Sync for ShmArc<T> {}

/// An error if the count of handles is not one that handles can bring about.
fn room_for_one(is_there: bool) -> Result<(), ContainerError> {
    if is_there { Ok(()) } else { Err(ContainerError::Corrupt) }
}

impl<T: ShmSafe> ShmArc<T> {
    /// Moves `value` into `heap`.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached; `value` is dropped.
    pub fn new_in(value: T, heap: &(impl Allocator + ?Sized)) -> Result<Self, ContainerError> {
        let id = heap.id();
        let shared = Shared::<T>::allocate(Heap::find(id)?, Handles::ONE_STRONG)?;
        // SAFETY: a block of its own, which has room for a `T` there.
        unsafe { shared.value().write(value) };
        Ok(Self::of(id, &shared))
    }

    /// Makes a value that keeps weak handles to itself, which give none before it is
    /// done.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or `make` gave an error.
    pub fn new_cyclic_in(
        heap: &(impl Allocator + ?Sized),
        make: impl FnOnce(&ShmWeak<T>) -> Result<T, ContainerError>,
    ) -> Result<Self, ContainerError> {
        let id = heap.id();
        let shared = Shared::<T>::allocate(Heap::find(id)?, Handles::ONE_WEAK)?;
        // Frees the block also if `make` does not come back.
        let weak = ShmWeak::at(id, shared.at());
        let value = make(&weak)?;
        // SAFETY: nobody gets to the value's place before it is counted.
        unsafe { shared.value().write(value) };
        shared.counts().begin();
        Ok(Self::of(id, &shared))
    }

    /// The handle to a block in `heap`, which it is counted for.
    fn of(heap: AllocatorId, shared: &Shared<T>) -> Self {
        Self { heap, at: shared.owned(), _owns: PhantomData }
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the handle is damaged.
    pub fn get(&self) -> Result<&T, ContainerError> {
        let value = self.shared()?.value();
        // SAFETY: inside the heap and aligned, and there while the handle is; who
        // changes it has no other handle.
        Ok(unsafe { value.as_ref() })
    }

    /// The value, to be changed, if this is its only handle of both kinds.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the handle is damaged.
    pub fn get_mut(&mut self) -> Result<Option<&mut T>, ContainerError> {
        let shared = self.shared()?;
        // SAFETY: as in `get`; nobody else has a handle, and this one is borrowed
        // mutably.
        Ok(shared.counts().is_unique().then(|| unsafe { shared.value().as_mut() }))
    }

    /// The value, to be changed: a clone of it if there are other handles, which
    /// this one names from here on with one store.
    ///
    /// # Errors
    ///
    /// The heap is full, read-only or not attached, or the handle is damaged.
    pub fn make_mut(&mut self) -> Result<&mut T, ContainerError>
    where
        T: Clone,
    {
        if !self.shared()?.counts().is_unique() {
            let clone = self.get()?.clone();
            self.name_new(clone)?;
        }
        let value = self.shared()?.value();
        // SAFETY: as in `get_mut`.
        Ok(unsafe { &mut *value.as_ptr() })
    }

    /// Makes this the handle of a new value, and counts it off the old one.
    fn name_new(&mut self, value: T) -> Result<(), ContainerError> {
        let (heap, old) = (Heap::find(self.heap)?, self.shared()?);
        let mut value = Some(value);
        let mut fill = |to: NonNull<u8>| {
            if let Some(value) = value.take() {
                let block = ArcBlock { tally: Tally::new(Handles::ONE_STRONG), value };
                // SAFETY: a block of its own, as large and aligned as asked for.
                unsafe { to.cast().write(block) };
            }
        };
        let new = Some(ArcBlock::<T>::LAYOUT);
        // SAFETY: the word is the handle's own.
        unsafe { heap.exchange(self.at.link(), None, (new, 0), &mut fill) }?;
        old.drop_strong();
        Ok(())
    }

    /// One more handle to the same value.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the handle or a count is damaged.
    pub fn try_clone(&self) -> Result<Self, ContainerError> {
        let shared = self.shared_to_write()?;
        room_for_one(shared.counts().add_strong())?;
        Ok(Self::of(self.heap, &shared))
    }

    /// A handle that does not keep the value.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the handle or a count is damaged.
    pub fn downgrade(&self) -> Result<ShmWeak<T>, ContainerError> {
        let shared = self.shared_to_write()?;
        room_for_one(shared.counts().add_weak())?;
        Ok(ShmWeak::at(self.heap, shared.at()))
    }

    /// Makes this another handle, and returns the one that it was.
    ///
    /// Between two of one heap a death leaves the one or the other here, and never
    /// none, as assigning would: that drops the old handle first.
    pub fn replace(&mut self, other: Self) -> Self {
        let other = ManuallyDrop::new(other);
        // SAFETY: this one is overwritten, and not dropped.
        let old = unsafe { core::ptr::read(self) };
        if self.heap != other.heap {
            self.at.set(Offset::NULL);
            self.heap = other.heap;
            in_order();
        }
        self.at.set(other.at.offset());
        old
    }

    /// The value, if this is its only strong handle; the handle is dropped.
    ///
    /// Of several handles whose owners all call this, one gets the value.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the handle is damaged; the value
    /// leaks.
    pub fn into_inner(self) -> Result<Option<T>, ContainerError> {
        let mut this = ManuallyDrop::new(self);
        let shared = this.shared_to_write()?;
        this.empty();
        if !shared.counts().drop_strong() {
            return Ok(None);
        }
        // SAFETY: no strong handle is left, and the value is not dropped.
        let value = unsafe { shared.value().read() };
        shared.drop_weak();
        Ok(Some(value))
    }

    /// The value, if this is its only strong handle.
    ///
    /// # Errors
    ///
    /// The handle, where there are others, where the heap is not attached or
    /// read-only, or where the handle is damaged.
    pub fn try_unwrap(mut self) -> Result<T, Self> {
        let Ok(shared) = self.shared_to_write() else {
            self.at.mark_damaged();
            return Err(self);
        };
        if !shared.counts().take() {
            return Err(self);
        }
        ManuallyDrop::new(self).empty();
        // SAFETY: as in `into_inner`.
        let value = unsafe { shared.value().read() };
        shared.drop_weak();
        Ok(value)
    }

    /// Handles that keep the value, at some moment.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the handle is damaged.
    pub fn strong_count(&self) -> Result<usize, ContainerError> {
        Ok(self.shared()?.counts().get().strong)
    }

    /// Handles that do not keep the value, at some moment.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the handle is damaged.
    pub fn weak_count(&self) -> Result<usize, ContainerError> {
        Ok(self.shared()?.counts().get().weak.saturating_sub(1))
    }

    /// Whether both are handles of the same value.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.at.offset() == other.at.offset() && self.heap == other.heap
    }

    /// The value's place, the same for every process.
    #[must_use]
    pub fn shm_ptr(&self) -> ShmPtr<T> {
        let at = self.at.offset().get().wrapping_add(ArcBlock::<T>::VALUE);
        ShmPtr { allocator: self.heap, ptr: OffsetPtr::new(Offset::new(at)) }
    }

    /// Gives up the handle, to hand it to another process.
    #[must_use = "the value leaks unless `from_shm_ptr` gets the handle back"]
    pub fn into_shm_ptr(self) -> ShmPtr<T> {
        ManuallyDrop::new(self).shm_ptr()
    }

    /// Takes a handle that another process handed over.
    ///
    /// # Errors
    ///
    /// The pointer's heap is not attached, or no such value can be there.
    ///
    /// # Safety
    ///
    /// `ptr` came from [`into_shm_ptr`](Self::into_shm_ptr) of a handle of the same
    /// type, and nobody else takes it.
    pub unsafe fn from_shm_ptr(ptr: ShmPtr<T>) -> Result<Self, ContainerError> {
        let at = ptr.ptr.offset().get().checked_sub(ArcBlock::<T>::VALUE);
        let at = Offset::new(at.ok_or(ContainerError::Corrupt)?);
        let shared = Shared::find(Heap::find(ptr.allocator)?, at)?;
        Ok(Self::of(ptr.allocator, &shared))
    }

    /// The id of the heap that the value lives in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// Looks whether the handle points into its heap.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the handle is damaged.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.shared().map(|_| ())
    }

    fn shared(&self) -> Result<Shared<T>, ContainerError> {
        Shared::find(Heap::find(self.heap)?, self.at.offset())
    }

    fn shared_to_write(&self) -> Result<Shared<T>, ContainerError> {
        Heap::find(self.heap)?.writable()?;
        self.shared()
    }

    /// Lets whoever meets the handle again find none: until it is counted off, the
    /// count is too high, and never too low.
    fn empty(&mut self) {
        self.at.set(Offset::NULL);
    }
}

impl<T: ShmSafe> Drop for ShmArc<T> {
    /// Drops the value after the last handle; leaks it where the heap is not
    /// attached.
    fn drop(&mut self) {
        let Ok(shared) = self.shared_to_write() else { return };
        self.empty();
        shared.drop_strong();
    }
}

impl<T: ShmSafe> Trace for ShmArc<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        let (at, layout) = (self.at.offset(), ArcBlock::<T>::LAYOUT);
        // One that was just dropped is empty.
        if at.is_null() {
            return Ok(());
        }
        let handle = Handle::Strong(values::<T>, ArcBlock::<T>::VALUE);
        // SAFETY: the counts of a value, and a `T`, for there is a strong handle.
        unsafe { tracer.counted(self.heap, at, layout.size(), handle) }
    }

    fn settle(&mut self, levels: u32) {
        // What others have as well was not being changed.
        if let (Some(levels), Ok(Some(value))) = (levels.checked_sub(1), self.get_mut()) {
            value.settle(levels);
        }
    }
}

impl<T: ShmSafe + fmt::Debug> fmt::Debug for ShmArc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Ok(value) => value.fmt(f),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}

impl<T: ShmSafe + PartialEq> PartialEq for ShmArc<T> {
    /// Compares the values; two that cannot be read are equal.
    fn eq(&self, other: &Self) -> bool {
        self.get().ok() == other.get().ok()
    }
}

impl<T: ShmSafe + Eq> Eq for ShmArc<T> {}
