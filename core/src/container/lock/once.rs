//! A value that is made once, by whoever comes first.

use core::cell::UnsafeCell;
use core::convert::Infallible;
use core::fmt;
use core::mem::MaybeUninit;
use core::time::Duration;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe, Trace, TraceError, Tracer};
use crate::allocator::Allocator;
use crate::offset::AllocatorId;
use crate::sync::atomic::AtomicUsize;
use crate::sync::{Begun, FairWords, Once, Patience};
use crate::thread::{Owner, ThreadModel};

/// A `OnceLock<T>` in a heap, which survives whoever makes the value.
///
/// The first who asks makes the value, and the others wait for it, asleep. If the
/// maker dies, panics or fails, the next one makes it; what a dead one had allocated
/// for it is lost until
/// [`reclaim_unreachable`](crate::allocator::ThreadLocalAllocator::reclaim_unreachable).
/// Once it is made it is read without any lock, also where the heap is read-only.
///
/// Who asks for the value while it makes the value waits for itself.
///
/// ```no_run
/// use anymem_core::container::{OnceError, ShmOnce, ShmString};
///
/// /// The same name for all processes.
/// fn name<'o>(
///     name: &'o ShmOnce<ShmString>,
///     heap: &impl anymem_core::allocator::Allocator,
/// ) -> Result<&'o ShmString, OnceError<anymem_core::container::ContainerError>> {
///     name.get_or_try_init(|| ShmString::from_str_in("the first one's", heap))
/// }
/// ```
#[repr(C)]
pub struct ShmOnce<T: ShmSafe> {
    heap: AllocatorId,
    lock: FairWords,
    done: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: one thread makes the value, and then all share it; whichever has the cell
// for itself drops it.
unsafe impl<T: ShmSafe + Send + Sync> Sync for ShmOnce<T> {}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnceError<E = Infallible> {
    /// Making the value failed.
    Init(E),
    /// Somebody is still making it when the time is over: this process, if its word
    /// tells.
    Busy(Option<Owner>),
    /// The heap is not attached, or read-only.
    Heap(ContainerError),
}

impl<E: fmt::Display> fmt::Display for OnceError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Init(error) => error.fmt(f),
            Self::Busy(Some(maker)) => write!(f, "the value is still being made by {maker}"),
            Self::Busy(None) => f.write_str("the value is still being made"),
            Self::Heap(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for OnceError<E> {}

/// Lets the next one make the value, unless this one comes to its end.
struct Making<'o, T: ShmSafe> {
    once: &'o ShmOnce<T>,
    model: &'static dyn ThreadModel,
}

impl<T: ShmSafe> Drop for Making<'_, T> {
    fn drop(&mut self) {
        self.once.once().give_up(self.model);
    }
}

impl<T: ShmSafe> ShmOnce<T> {
    /// One without a value yet, to live in `heap`; allocates nothing.
    #[must_use]
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(heap.id())
    }

    /// One without a value yet, to live in the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(heap: AllocatorId) -> Self {
        let value = UnsafeCell::new(MaybeUninit::uninit());
        Self { heap, lock: FairWords::new(), done: AtomicUsize::new(0), value }
    }

    /// The value, if it was made. Waits for nobody, and needs no heap.
    #[must_use]
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // SAFETY: it was made, and is shared from then on.
        self.once().is_done().then(|| unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// The value, to be changed, if it was made.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        let is_done = self.once().is_done();
        // SAFETY: it was made, and nobody else has the cell.
        is_done.then(|| unsafe { self.value.get_mut().assume_init_mut() })
    }

    /// The value, which `make` makes if nobody did before.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only, and the value is not there.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> Result<&T, OnceError> {
        self.get_or_try_init(|| Ok(make()))
    }

    /// The value, which `make` makes if nobody did before.
    ///
    /// # Errors
    ///
    /// [`OnceError::Init`] where `make` fails: the next one who asks tries again.
    /// [`OnceError::Heap`].
    pub fn get_or_try_init<E>(
        &self,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, OnceError<E>> {
        self.init_within(|_| Patience::Endless, make)
    }

    /// As [`get_or_try_init`](Self::get_or_try_init), waiting for others for `most` at
    /// most. Making the value may take longer.
    ///
    /// # Errors
    ///
    /// As [`get_or_try_init`](Self::get_or_try_init), and [`OnceError::Busy`] when the
    /// time is over.
    pub fn get_or_try_init_timeout<E>(
        &self,
        most: Duration,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, OnceError<E>> {
        self.init_within(|model| Patience::of(most, model), make)
    }

    /// Makes `value` the value, if there is none; else gives it back.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only; `value` is dropped.
    pub fn set(&self, value: T) -> Result<Result<(), T>, OnceError> {
        let mut value = Some(value);
        let make = || value.take().ok_or(());
        match self.get_or_try_init(make) {
            Ok(_) | Err(OnceError::Init(())) => Ok(value.map_or(Ok(()), Err)),
            Err(OnceError::Busy(maker)) => Err(OnceError::Busy(maker)),
            Err(OnceError::Heap(error)) => Err(OnceError::Heap(error)),
        }
    }

    /// Takes the value out, of a cell that nobody else can have; it can be made anew.
    pub fn take(&mut self) -> Option<T> {
        if !self.once().is_done() {
            return None;
        }
        *self.done.get_mut() = 0;
        // SAFETY: it was made, and nobody finds it any more.
        Some(unsafe { self.value.get_mut().assume_init_read() })
    }

    /// The value, if it was made.
    #[must_use]
    pub fn into_inner(mut self) -> Option<T> {
        self.take()
    }

    /// Who is making the value, dead or alive.
    #[must_use]
    pub fn maker(&self) -> Option<Owner> {
        self.once().doer()
    }

    /// The id of the heap that it was made for.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    fn once(&self) -> Once<'_> {
        Once::new(self.lock.fair(), &self.done)
    }

    fn init_within<E>(
        &self,
        patience: impl FnOnce(&'static dyn ThreadModel) -> Patience,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, OnceError<E>> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let heap = Heap::find(self.heap).map_err(OnceError::Heap)?;
        heap.writable().map_err(OnceError::Heap)?;
        let model = heap.model();
        let begun = self.once().begin(patience(model), model).map_err(OnceError::Busy)?;
        if begun == Begun::First {
            let making = Making { once: self, model };
            let value = make().map_err(OnceError::Init)?;
            // SAFETY: whoever is first has the cell for itself.
            unsafe { (*self.value.get()).write(value) };
            core::mem::forget(making);
            self.once().finish(model);
        }
        // SAFETY: it was made, and is shared from then on.
        Ok(unsafe { (*self.value.get()).assume_init_ref() })
    }
}

impl<T: ShmSafe> Drop for ShmOnce<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T: ShmSafe> Trace for ShmOnce<T> {
    /// What a dead process had begun to make is not there.
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        self.get().map_or(Ok(()), |value| value.trace(tracer))
    }

    fn settle(&mut self, levels: u32) {
        if let Some(value) = self.get_mut() {
            value.settle(levels);
        }
    }
}

impl<T: ShmSafe + fmt::Debug> fmt::Debug for ShmOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Some(value) => f.debug_tuple("ShmOnce").field(value).finish(),
            None => f.write_str("ShmOnce(<not made>)"),
        }
    }
}
