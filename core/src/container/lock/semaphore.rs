//! A few permits that threads of all processes share.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmVec, Trace, TraceError, Tracer};
use crate::allocator::Allocator;
use crate::offset::AllocatorId;
use crate::sync::atomic::AtomicUsize;
use crate::sync::{FairWords, Patience, Permits, Signal};
use crate::thread::Owner;

/// A semaphore in a heap whose permits come back from the dead.
///
/// Each permit is a word in the heap that names the process that has it. So nothing
/// needs repair when a holder dies: the next one who finds no free permit takes that
/// of the dead. The price is that taking a permit looks at some of the words, at all
/// of them when few are free: it is made for tens or hundreds of permits.
///
/// Those who wait sleep in line, and are served in turn; see
/// [`Permits`] for the bounds.
///
/// ```no_run
/// use anymem_core::container::{SemaphoreError, ShmSemaphore};
///
/// fn transfer(lanes: &ShmSemaphore) -> Result<(), SemaphoreError> {
///     let _lane = lanes.acquire()?;
///     // As many are here at a time as there are lanes.
///     Ok(())
/// }
/// ```
#[repr(C)]
pub struct ShmSemaphore {
    line: FairWords,
    returned: AtomicUsize,
    permits: ShmVec<AtomicUsize>,
}

/// Why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SemaphoreError {
    /// Living processes have all of them.
    Busy,
    /// The heap is not attached or read-only, or the semaphore is damaged.
    Heap(ContainerError),
}

impl fmt::Display for SemaphoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("all permits are in use"),
            Self::Heap(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SemaphoreError {}

impl From<ContainerError> for SemaphoreError {
    fn from(error: ContainerError) -> Self {
        Self::Heap(error)
    }
}

impl ShmSemaphore {
    /// A semaphore with so many permits, in `heap`.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn new_in(
        permits: usize,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let mut words = ShmVec::with_capacity_in(permits, heap)?;
        words.extend((0..permits).map(|_| AtomicUsize::new(0)))?;
        Ok(Self { line: FairWords::new(), returned: AtomicUsize::new(0), permits: words })
    }

    /// Takes a permit, waiting for as long as living processes have all of them.
    ///
    /// # Errors
    ///
    /// [`SemaphoreError::Heap`].
    pub fn acquire(&self) -> Result<Permit<'_>, SemaphoreError> {
        self.acquire_within(|_| Patience::Endless)
    }

    /// Takes a permit, unless living processes have all of them.
    ///
    /// # Errors
    ///
    /// [`SemaphoreError::Busy`]; [`SemaphoreError::Heap`].
    pub fn try_acquire(&self) -> Result<Permit<'_>, SemaphoreError> {
        let (heap, permits) = self.parts_to_write()?;
        let number = permits.try_take(heap.model().owner(), heap.model());
        self.permit(heap, number)
    }

    /// Takes a permit, waiting for `most` at most.
    ///
    /// # Errors
    ///
    /// [`SemaphoreError::Busy`] when the time is over; [`SemaphoreError::Heap`].
    pub fn acquire_timeout(&self, most: Duration) -> Result<Permit<'_>, SemaphoreError> {
        self.acquire_within(|heap| Patience::of(most, heap.model()))
    }

    fn acquire_within(
        &self,
        patience: impl FnOnce(Heap) -> Patience,
    ) -> Result<Permit<'_>, SemaphoreError> {
        let (heap, permits) = self.parts_to_write()?;
        self.permit(heap, permits.take(patience(heap), heap.model()))
    }

    fn permit(&self, heap: Heap, number: Option<usize>) -> Result<Permit<'_>, SemaphoreError> {
        let number = number.ok_or(SemaphoreError::Busy)?;
        Ok(Permit { semaphore: self, heap, number, _of_this_thread: PhantomData })
    }

    /// Takes back the permits of the dead, for who counts them: whoever acquires one
    /// does so as needed. How many there were.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the semaphore is damaged.
    pub fn recover(&self) -> Result<usize, ContainerError> {
        let (heap, permits) = self.parts_to_write()?;
        Ok(permits.recover(heap.model()))
    }

    /// How many permits there are.
    #[must_use]
    pub fn permits(&self) -> usize {
        self.permits.len()
    }

    /// How many nobody has at some moment, neither dead nor alive.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the semaphore is damaged.
    pub fn available(&self) -> Result<usize, ContainerError> {
        Ok(self.parts()?.holders().filter(Option::is_none).count())
    }

    /// Tells `visit` who has a permit, dead or alive, once for each.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the semaphore is damaged.
    pub fn for_each_holder(&self, visit: impl FnMut(Owner)) -> Result<(), ContainerError> {
        self.parts()?.holders().flatten().for_each(visit);
        Ok(())
    }

    /// The id of the heap that it was made for.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.permits.heap_id()
    }

    fn parts(&self) -> Result<Permits<'_>, ContainerError> {
        let words = self.permits.as_slice()?;
        Ok(Permits::new(self.line.fair(), Signal::new(&self.returned), words))
    }

    fn parts_to_write(&self) -> Result<(Heap, Permits<'_>), ContainerError> {
        let heap = Heap::find(self.heap_id())?;
        heap.writable()?;
        Ok((heap, self.parts()?))
    }
}

impl Trace for ShmSemaphore {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        self.permits.trace(tracer)
    }

    fn settle(&mut self, levels: u32) {
        self.permits.settle(levels);
    }
}

impl fmt::Debug for ShmSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.available() {
            Ok(free) => write!(f, "ShmSemaphore({free} of {} free)", self.permits()),
            Err(error) => write!(f, "ShmSemaphore(<{error}>)"),
        }
    }
}

/// A permit, given back on drop, also when a panic unwinds.
#[must_use = "the permit is given back when it is dropped"]
pub struct Permit<'s> {
    semaphore: &'s ShmSemaphore,
    heap: Heap,
    number: usize,
    _of_this_thread: PhantomData<*const ()>,
}

impl Permit<'_> {
    /// Its number, below that of permits: no other one that is in use has the same.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Ok(permits) = self.semaphore.parts() {
            let model = self.heap.model();
            permits.give(self.number, model.owner(), model);
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.number)
    }
}
