//! One value in a heap.

use core::alloc::Layout;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::heap::Heap;
use super::owned::Owned;
use super::trace::values;
use super::{ContainerError, ShmSafe, Trace, TraceError, Tracer};
use crate::allocator::Allocator;
use crate::offset::{AllocatorId, Offset, OffsetPtr, ShmPtr};

/// Owns one `T` in a heap, as `Box<T>` does in the process's own.
///
/// [`into_shm_ptr`](Self::into_shm_ptr) turns it into 16 bytes that can be sent
/// to another process, which gets the box back with
/// [`from_shm_ptr`](Self::from_shm_ptr).
///
/// `Option<ShmBox<T>>` is as large, and may live in a heap as well:
///
#[cfg_attr(feature = "derive", doc = "```")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// use anymem_core::container::{ShmBox, ShmSafe};
///
/// #[derive(ShmSafe)]
/// #[shm_safe(crate = anymem_core)]
/// #[repr(C)]
/// struct Node {
///     value: u64,
///     #[shm_safe(recursive)]
///     next: Option<ShmBox<Node>>,
/// }
/// ```
#[repr(C)]
pub struct ShmBox<T: ShmSafe> {
    heap: AllocatorId,
    at: Owned,
    _owns: PhantomData<T>,
}

impl<T: ShmSafe> ShmBox<T> {
    const LAYOUT: Layout = Layout::new::<T>();

    /// Moves `value` into `heap`.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached; `value` is dropped.
    pub fn new_in(value: T, heap: &(impl Allocator + ?Sized)) -> Result<Self, ContainerError> {
        let id = heap.id();
        let (at, place) = Heap::find(id)?.allocate::<T>(Self::LAYOUT, 1)?;
        // SAFETY: `place` is a block of its own, as large and aligned as a `T`.
        unsafe { place.write(value) };
        Self::at(id, at)
    }

    fn at(heap: AllocatorId, at: Offset) -> Result<Self, ContainerError> {
        let at = Owned::new(at).ok_or(ContainerError::Corrupt)?;
        Ok(Self { heap, at, _owns: PhantomData })
    }

    /// The place of the value; null in a box that was just dropped.
    fn offset(&self) -> Offset {
        self.at.offset()
    }

    /// The value.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the box is damaged.
    pub fn get(&self) -> Result<&T, ContainerError> {
        let place = self.place()?;
        // SAFETY: inside the heap and aligned; the box owns the value, so
        // nobody changes it while the box is borrowed.
        Ok(unsafe { place.as_ref() })
    }

    /// The value, to be changed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the box is damaged.
    pub fn get_mut(&mut self) -> Result<&mut T, ContainerError> {
        let mut place = self.place()?;
        // SAFETY: as in `get`, and the box is borrowed mutably.
        Ok(unsafe { place.as_mut() })
    }

    /// Puts another value in the place of this one, which is returned.
    ///
    /// The new value gets a block of its own, and the box names it with one store:
    /// a death leaves the one value in the box or the other, and never half of it.
    /// Where that does not matter, assign to [`get_mut`](Self::get_mut).
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the box is damaged; `value` is
    /// dropped.
    pub fn replace(&mut self, value: T) -> Result<T, ContainerError> {
        let (heap, place) = (Heap::find(self.heap)?, self.place()?);
        let old = Some((self.offset(), Self::LAYOUT));
        // SAFETY: the box owns the value, and owns it no longer if the exchange
        // succeeds; until then nobody may drop this copy.
        let before = ManuallyDrop::new(unsafe { place.read() });
        let mut value = Some(value);
        let mut fill = |to: NonNull<u8>| {
            if let Some(value) = value.take() {
                // SAFETY: a block of its own, as large and aligned as a `T`.
                unsafe { to.cast().write(value) };
            }
        };
        // SAFETY: the word is the box's own, which is the only one to know of the
        // block.
        unsafe { heap.exchange(self.at.link(), old, (Some(Self::LAYOUT), 0), &mut fill) }?;
        Ok(ManuallyDrop::into_inner(before))
    }

    /// Moves the value out of the heap.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the box is damaged; the value leaks.
    pub fn into_inner(self) -> Result<T, ContainerError> {
        let mut this = ManuallyDrop::new(self);
        let (heap, place) = (Heap::find(this.heap)?, this.place()?);
        // SAFETY: the box owns the value and will not drop it: `this` is never
        // dropped.
        let value = unsafe { place.read() };
        let at = this.take();
        // SAFETY: the block was this box's, which is gone.
        unsafe { heap.free(at, Self::LAYOUT) };
        Ok(value)
    }

    /// The value's place, the same for every process.
    #[must_use]
    pub fn shm_ptr(&self) -> ShmPtr<T> {
        ShmPtr { allocator: self.heap, ptr: OffsetPtr::new(self.offset()) }
    }

    /// Gives up ownership, to hand the value to another process.
    #[must_use = "the value leaks unless `from_shm_ptr` gets it back"]
    pub fn into_shm_ptr(self) -> ShmPtr<T> {
        ManuallyDrop::new(self).shm_ptr()
    }

    /// Takes ownership of a value that another process handed over.
    ///
    /// # Errors
    ///
    /// The pointer's heap is not attached, or it points to no place for a `T`.
    ///
    /// # Safety
    ///
    /// `ptr` came from [`into_shm_ptr`](Self::into_shm_ptr) of a box of the
    /// same type, and nobody else takes it.
    pub unsafe fn from_shm_ptr(ptr: ShmPtr<T>) -> Result<Self, ContainerError> {
        Heap::find(ptr.allocator)?.array::<T>(ptr.ptr.offset(), 1)?;
        Self::at(ptr.allocator, ptr.ptr.offset())
    }

    /// The id of the heap that the value lives in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// Looks whether the box points into its heap.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the box is damaged.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.place().map(|_| ())
    }

    fn place(&self) -> Result<NonNull<T>, ContainerError> {
        Heap::find(self.heap)?.array(self.offset(), 1)
    }

    /// Empties the box, so that whoever meets it again, in a heap that goes in
    /// circles or after this process died here, finds nothing to drop.
    fn take(&mut self) -> Offset {
        let at = self.offset();
        self.at.set(Offset::NULL);
        at
    }
}

impl<T: ShmSafe> Drop for ShmBox<T> {
    /// Drops the value; leaks it where the heap is not attached.
    fn drop(&mut self) {
        let (Ok(heap), Ok(place)) = (Heap::find(self.heap), self.place()) else { return };
        let at = self.take();
        // SAFETY: the box owned the value, and is empty now.
        unsafe { place.drop_in_place() };
        // SAFETY: the block was this box's.
        unsafe { heap.free(at, Self::LAYOUT) };
    }
}

impl<T: ShmSafe> Trace for ShmBox<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        let at = self.offset();
        // One that was just dropped is empty.
        if at.is_null() {
            return Ok(());
        }
        // SAFETY: the box owns the value there.
        unsafe { tracer.owned(self.heap, at, size_of::<T>(), (values::<T>, 1)) }.map(|_| ())
    }

    fn settle(&mut self, levels: u32) {
        if let (Some(levels), Ok(value)) = (levels.checked_sub(1), self.get_mut()) {
            value.settle(levels);
        }
    }
}

impl<T: ShmSafe + fmt::Debug> fmt::Debug for ShmBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Ok(value) => value.fmt(f),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}

impl<T: ShmSafe + PartialEq> PartialEq for ShmBox<T> {
    /// Compares the values; two that cannot be read are equal.
    fn eq(&self, other: &Self) -> bool {
        self.get().ok() == other.get().ok()
    }
}

impl<T: ShmSafe + Eq> Eq for ShmBox<T> {}

impl<T: ShmSafe + PartialOrd> PartialOrd for ShmBox<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.get().ok().partial_cmp(&other.get().ok())
    }
}

impl<T: ShmSafe + Ord> Ord for ShmBox<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.get().ok().cmp(&other.get().ok())
    }
}

impl<T: ShmSafe + Hash> Hash for ShmBox<T> {
    /// As the value; one that cannot be read feeds nothing.
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Ok(value) = self.get() {
            value.hash(state);
        }
    }
}

impl<T: ShmSafe + fmt::Display> fmt::Display for ShmBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Ok(value) => value.fmt(f),
            Err(error) => write!(f, "<{error}>"),
        }
    }
}
