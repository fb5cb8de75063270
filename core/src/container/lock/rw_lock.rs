//! A value that many threads of all processes read, or one changes.

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe, Trace, TraceError, Tracer};
use super::error::{Cause, LockError};
use super::fault::Fault;
use super::mutex::is;
use crate::allocator::Allocator;
use crate::offset::AllocatorId;
use crate::sync::{Access, Patience, Reader, SharedWords, Unread};
use crate::thread::Owner;

/// A `RwLock<T>` in a heap, which survives whoever reads or writes.
///
/// What becomes of it when a writer dies or panics, and what it promises, is told
/// in [`lock`](super). Of readers nothing is left when they die.
///
/// [`READERS`](crate::sync::READERS) threads read side by side, and one more at a
/// time that counts as a writer to the other writers; those beyond wait for one to
/// leave. Readers and writers take turns: no reader comes in past a writer that
/// waits, and when a writer leaves, those readers are next that waited for it.
///
/// ```no_run
/// use anymem_core::container::{ShmRwLock, ShmString};
///
/// fn title(lock: &ShmRwLock<ShmString>) -> Option<usize> {
///     let text = lock.read().ok()?;
///     Some(text.as_str().ok()?.len())
/// }
/// ```
#[repr(C)]
pub struct ShmRwLock<T: ShmSafe> {
    heap: AllocatorId,
    words: SharedWords,
    fault: Fault,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached under the lock: by one thread at a time, or shared
// by several.
unsafe impl<T: ShmSafe + Send + Sync> Sync for ShmRwLock<T> {}

/// What coming in to write comes to.
type Written<'l, T> = Result<WriteGuard<'l, T>, LockError<WriteGuard<'l, T>>>;

impl<T: ShmSafe> ShmRwLock<T> {
    /// A lock around `value`, to live in `heap`; allocates nothing.
    #[must_use]
    pub fn new_in(value: T, heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(value, heap.id())
    }

    /// A lock around `value`, to live in the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(value: T, heap: AllocatorId) -> Self {
        let words = SharedWords::new();
        Self { heap, words, fault: Fault::none(), value: UnsafeCell::new(value) }
    }

    /// The id of the heap that it was made for.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// Comes in to read, waiting for as long as a living process writes.
    ///
    /// # Errors
    ///
    /// [`LockError::Inconsistent`] where the last writer died or panicked, with a
    /// guard to *write*: who is told can repair. [`LockError::Abandoned`];
    /// [`LockError::Heap`].
    pub fn read(&self) -> Result<ReadGuard<'_, T>, LockError<WriteGuard<'_, T>>> {
        self.read_within(self.heap()?, Patience::Endless)
    }

    /// Comes in to read unless a living process writes, or waits to.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`LockError::Busy`].
    pub fn try_read(&self) -> Result<ReadGuard<'_, T>, LockError<WriteGuard<'_, T>>> {
        self.read_within(self.heap()?, Patience::Looks(0))
    }

    /// Comes in to read, waiting for `most` at most.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`LockError::Busy`] when the time is over.
    pub fn read_timeout(
        &self,
        most: Duration,
    ) -> Result<ReadGuard<'_, T>, LockError<WriteGuard<'_, T>>> {
        let heap = self.heap()?;
        self.read_within(heap, Patience::of(most, heap.model()))
    }

    /// Comes in to write, waiting for as long as living processes read or write.
    ///
    /// # Errors
    ///
    /// [`LockError::Inconsistent`], with the guard, where the last writer died or
    /// panicked; [`LockError::Abandoned`]; [`LockError::Heap`].
    pub fn write(&self) -> Written<'_, T> {
        self.write_within(self.heap()?, Patience::Endless)
    }

    /// Comes in to write unless a living process reads or writes.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and [`LockError::Busy`].
    pub fn try_write(&self) -> Written<'_, T> {
        let heap = self.heap()?;
        let shared = self.words.shared();
        match shared.try_write(heap.model()) {
            Some(access) => self.judge(heap, access),
            None => Err(LockError::Busy(shared.writer())),
        }
    }

    /// Comes in to write, waiting for `most` at most.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and [`LockError::Busy`] when the time is over.
    pub fn write_timeout(&self, most: Duration) -> Written<'_, T> {
        let heap = self.heap()?;
        self.write_within(heap, Patience::of(most, heap.model()))
    }

    /// Comes in to write whatever state the data is in, waiting as
    /// [`write`](Self::write) does. [`WriteGuard::cause`] tells of the state.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only.
    pub fn recover(&self) -> Result<WriteGuard<'_, T>, ContainerError> {
        let heap = self.heap()?;
        loop {
            if let Ok(access) = self.words.shared().write(Patience::Endless, heap.model()) {
                return Ok(self.guard(heap, access));
            }
        }
    }

    /// What is wrong with the data, if something is known to be. Looks without
    /// taking the lock.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.fault.cause()
    }

    /// Who writes at this moment, or waits to, dead or alive.
    #[must_use]
    pub fn writer(&self) -> Option<Owner> {
        self.words.shared().writer()
    }

    /// The value, of a lock that nobody else can have.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The value, of a lock that nobody else can have.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    fn heap(&self) -> Result<Heap, ContainerError> {
        let heap = Heap::find(self.heap)?;
        heap.writable().map(|()| heap)
    }

    fn read_within(
        &self,
        heap: Heap,
        mut patience: Patience,
    ) -> Result<ReadGuard<'_, T>, LockError<WriteGuard<'_, T>>> {
        loop {
            match self.words.shared().read(patience, heap.model()) {
                Ok(reader) => {
                    let guard =
                        ReadGuard { lock: self, heap, reader, _of_this_thread: PhantomData };
                    match self.fault.get() {
                        None => return Ok(guard),
                        Some((cause, true)) => return Err(LockError::Abandoned(cause)),
                        Some((_, false)) => {}
                    }
                }
                Err(Unread::Busy(holder)) => return Err(LockError::Busy(holder)),
                Err(Unread::Inherited(owner)) => {
                    drop(self.judge(heap, Access::Inherited(owner))?);
                }
                Err(Unread::WriterDied) => {}
            }
            // Who is to be told must have the lock alone. Somebody else may have
            // been told by then.
            drop(self.write_within(heap, patience)?);
            if patience.slice(heap.model()).is_none() {
                return Err(LockError::Busy(None));
            }
        }
    }

    fn write_within(&self, heap: Heap, patience: Patience) -> Written<'_, T> {
        match self.words.shared().write(patience, heap.model()) {
            Ok(access) => self.judge(heap, access),
            Err(holder) => Err(LockError::Busy(holder)),
        }
    }

    fn guard(&self, heap: Heap, access: Access) -> WriteGuard<'_, T> {
        if let Access::Inherited(owner) = access {
            self.fault.set(Cause::Died(owner));
            // SAFETY: the lock was just taken, and there is no guard yet.
            heap.settle(unsafe { &mut *self.value.get() });
        }
        let unwinding = heap.model().panicking();
        WriteGuard { lock: self, heap, unwinding, _of_this_thread: PhantomData }
    }

    /// The guard of a lock that was just taken, by the state of the data.
    fn judge(&self, heap: Heap, access: Access) -> Written<'_, T> {
        self.fault.judge(self.guard(heap, access))
    }
}

impl<T: ShmSafe> Trace for ShmRwLock<T> {
    /// Takes no lock: nobody else uses the heap meanwhile.
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        // SAFETY: nobody else uses the heap.
        unsafe { &*self.value.get() }.trace(tracer)
    }

    fn settle(&mut self, levels: u32) {
        self.get_mut().settle(levels);
    }
}

impl<T: ShmSafe + fmt::Debug> fmt::Debug for ShmRwLock<T> {
    /// Shows the value if nobody writes and nothing is wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(cause) = self.cause() {
            return write!(f, "ShmRwLock(<{cause}>)");
        }
        match self.try_read() {
            Ok(guard) => f.debug_tuple("ShmRwLock").field(&*guard).finish(),
            Err(LockError::Inconsistent { guard, cause }) => {
                guard.put_back();
                write!(f, "ShmRwLock(<{cause}>)")
            }
            Err(error) => write!(f, "ShmRwLock(<{error}>)"),
        }
    }
}

/// A lock held for reading, released on drop.
#[must_use = "the lock is released when the guard is dropped"]
pub struct ReadGuard<'l, T: ShmSafe> {
    lock: &'l ShmRwLock<T>,
    heap: Heap,
    reader: Reader,
    _of_this_thread: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives shared references to the value only.
unsafe impl<T: ShmSafe + Sync> Sync for ReadGuard<'_, T> {}

impl<T: ShmSafe> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: nobody writes for as long as the guard lives.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ShmSafe> Drop for ReadGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.words.shared().end_read(self.reader, self.heap.model());
    }
}

impl<T: ShmSafe + fmt::Debug> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A lock held for writing, released on drop, also when a panic unwinds.
#[must_use = "the lock is released when the guard is dropped"]
pub struct WriteGuard<'l, T: ShmSafe> {
    lock: &'l ShmRwLock<T>,
    heap: Heap,
    /// Whether the thread was unwinding already when it took the lock.
    unwinding: bool,
    _of_this_thread: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives shared references to the value only.
unsafe impl<T: ShmSafe + Sync> Sync for WriteGuard<'_, T> {}

impl<T: ShmSafe> WriteGuard<'_, T> {
    /// What is wrong with the data, if something is.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.lock.fault.cause()
    }

    /// Says that the data is in order.
    pub fn mark_consistent(&mut self) {
        self.lock.fault.clear();
    }

    /// Releases the lock, and leaves the data in the state that it is in.
    fn put_back(self) {
        self.lock.words.shared().end_write(self.heap.model());
        core::mem::forget(self);
    }
}

impl<T: ShmSafe> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: nobody else reads or writes for as long as the guard lives, and
        // the guard is borrowed.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ShmSafe> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`; the guard is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ShmSafe> Drop for WriteGuard<'_, T> {
    fn drop(&mut self) {
        let model = self.heap.model();
        // A child of the writer has no part in it.
        if self.lock.writer().is_some_and(|writer| is(writer, model.owner())) {
            self.lock.fault.leave(self.unwinding, model);
            self.lock.words.shared().end_write(model);
        }
    }
}

impl<T: ShmSafe + fmt::Debug> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
