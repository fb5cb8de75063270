//! A value that one thread of all processes has at a time.

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe, Trace, TraceError, Tracer};
use super::error::{Cause, LockError};
use super::fault::Fault;
use crate::allocator::Allocator;
use crate::offset::AllocatorId;
use crate::sync::{Acquired, FairWords, Patience};
use crate::thread::{Owner, ThreadModel};

/// A `Mutex<T>` in a heap, which survives whoever holds it.
///
/// What becomes of it when a holder dies or panics, and what it promises, is told
/// in [`lock`](super).
///
/// It knows the id of its heap, so it is made for one; where it then stands
/// makes no difference, as long as the processes that use it share the place.
///
/// ```no_run
/// use anymem_core::allocator::Allocator;
/// use anymem_core::container::{ContainerError, ShmBox, ShmMutex};
///
/// fn make(heap: &impl Allocator) -> Result<ShmBox<ShmMutex<u64>>, ContainerError> {
///     ShmBox::new_in(ShmMutex::new_in(0, heap), heap)
/// }
///
/// fn count(numbers: &ShmMutex<u64>) {
///     if let Ok(mut number) = numbers.lock() {
///         *number += 1;
///     }
/// }
/// ```
#[repr(C)]
pub struct ShmMutex<T: ShmSafe> {
    heap: AllocatorId,
    words: FairWords,
    fault: Fault,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one thread at a time, under the lock.
unsafe impl<T: ShmSafe + Send> Sync for ShmMutex<T> {}

/// What taking a mutex comes to.
type Taken<'m, T> = Result<MutexGuard<'m, T>, LockError<MutexGuard<'m, T>>>;

impl<T: ShmSafe> ShmMutex<T> {
    /// A mutex around `value`, to live in `heap`; allocates nothing.
    #[must_use]
    pub fn new_in(value: T, heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(value, heap.id())
    }

    /// A mutex around `value`, to live in the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(value: T, heap: AllocatorId) -> Self {
        Self { heap, words: FairWords::new(), fault: Fault::none(), value: UnsafeCell::new(value) }
    }

    /// The id of the heap that it was made for.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// Takes the lock, waiting for as long as a living process holds it.
    ///
    /// # Errors
    ///
    /// [`LockError::Inconsistent`], with the guard, where the last holder died or
    /// panicked; [`LockError::Abandoned`]; [`LockError::Heap`].
    pub fn lock(&self) -> Taken<'_, T> {
        let heap = self.heap()?;
        let acquired = self.words.fair().acquire(heap.model());
        self.judge(heap, acquired)
    }

    /// Takes the lock unless a living process holds it.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock), and [`LockError::Busy`].
    pub fn try_lock(&self) -> Taken<'_, T> {
        let heap = self.heap()?;
        let fair = self.words.fair();
        match fair.try_acquire(heap.model().owner(), heap.model()) {
            Some(acquired) => self.judge(heap, acquired),
            None => Err(LockError::Busy(fair.holder())),
        }
    }

    /// Takes the lock, waiting for `most` at most.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock), and [`LockError::Busy`] when the time is over.
    pub fn lock_timeout(&self, most: Duration) -> Taken<'_, T> {
        let heap = self.heap()?;
        let patience = Patience::of(most, heap.model());
        let acquired = self.words.fair().acquire_within(patience, heap.model());
        self.judge(heap, acquired.map_err(LockError::Busy)?)
    }

    /// Takes the lock whatever state the data is in, waiting as
    /// [`lock`](Self::lock) does. [`MutexGuard::cause`] tells of the state.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only.
    pub fn recover(&self) -> Result<MutexGuard<'_, T>, ContainerError> {
        let heap = self.heap()?;
        let acquired = self.words.fair().acquire(heap.model());
        Ok(self.guard(heap, acquired))
    }

    /// What is wrong with the data, if something is known to be. Looks without
    /// taking the lock.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.fault.cause()
    }

    /// Who holds the lock at this moment, dead or alive.
    #[must_use]
    pub fn holder(&self) -> Option<Owner> {
        self.words.fair().holder()
    }

    /// The value, of a mutex that nobody else can have.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The value, of a mutex that nobody else can have.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    fn heap(&self) -> Result<Heap, ContainerError> {
        let heap = Heap::find(self.heap)?;
        heap.writable().map(|()| heap)
    }

    #[inline]
    fn guard(&self, heap: Heap, acquired: Acquired) -> MutexGuard<'_, T> {
        if let Acquired::Recovered(owner) = acquired {
            self.fault.set(Cause::Died(owner));
            // SAFETY: the lock was just taken, and there is no guard yet.
            heap.settle(unsafe { &mut *self.value.get() });
        }
        let unwinding = heap.model().panicking();
        MutexGuard { mutex: self, heap, unwinding, _of_this_thread: PhantomData }
    }

    /// The guard of a lock that was just taken, by the state of the data.
    #[inline]
    fn judge(&self, heap: Heap, acquired: Acquired) -> Taken<'_, T> {
        self.fault.judge(self.guard(heap, acquired))
    }
}

impl<T: ShmSafe> Trace for ShmMutex<T> {
    /// Takes no lock: nobody else uses the heap meanwhile.
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        // SAFETY: nobody else uses the heap.
        unsafe { &*self.value.get() }.trace(tracer)
    }

    fn settle(&mut self, levels: u32) {
        self.get_mut().settle(levels);
    }
}

impl<T: ShmSafe + fmt::Debug> fmt::Debug for ShmMutex<T> {
    /// Shows the value if nobody holds the lock.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Ok(guard) => f.debug_tuple("ShmMutex").field(&*guard).finish(),
            // Not dropped, which would abandon the data.
            Err(LockError::Inconsistent { guard, cause }) => {
                guard.put_back();
                write!(f, "ShmMutex(<{cause}>)")
            }
            Err(error) => write!(f, "ShmMutex(<{error}>)"),
        }
    }
}

/// A held mutex, released on drop, also when a panic unwinds.
#[must_use = "the mutex is released when the guard is dropped"]
pub struct MutexGuard<'m, T: ShmSafe> {
    mutex: &'m ShmMutex<T>,
    heap: Heap,
    /// Whether the thread was unwinding already when it took the lock.
    unwinding: bool,
    _of_this_thread: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives shared references to the value only.
unsafe impl<T: ShmSafe + Sync> Sync for MutexGuard<'_, T> {}

impl<'m, T: ShmSafe> MutexGuard<'m, T> {
    /// What is wrong with the data, if something is.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.mutex.fault.cause()
    }

    /// Says that the data is in order.
    pub fn mark_consistent(&mut self) {
        self.mutex.fault.clear();
    }

    /// The mutex.
    pub(super) fn mutex(&self) -> &'m ShmMutex<T> {
        self.mutex
    }

    /// How this process sleeps.
    pub(super) fn model(&self) -> &'static dyn ThreadModel {
        self.heap.model()
    }

    /// Releases the lock, and leaves the data in the state that it is in.
    fn put_back(self) {
        self.release();
        core::mem::forget(self);
    }

    fn release(&self) {
        let model = self.heap.model();
        self.mutex.words.fair().release(model.owner(), model);
    }
}

impl<T: ShmSafe> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held for as long as the guard lives, and the guard
        // is borrowed.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ShmSafe> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`; the guard is borrowed mutably.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ShmSafe> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        // A child of the holder has no part in it.
        if self.mutex.holder().is_some_and(|holder| is(holder, self.model().owner())) {
            self.mutex.fault.leave(self.unwinding, self.model());
            self.release();
        }
    }
}

/// Whether two owners are one, as far as a word tells.
pub(super) fn is(one: Owner, other: Owner) -> bool {
    one.to_word() == other.to_word()
}

impl<T: ShmSafe + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
