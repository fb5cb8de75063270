//! A queue without a bound.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
#[cfg(feature = "async")]
use core::task::{Context, Poll};
use core::time::Duration;

use super::super::heap::{Heap, in_order};
use super::super::trace::values;
use super::super::{ContainerError, ShmSafe, Trace, TraceError, Tracer};
use super::MessageError;
#[cfg(feature = "async")]
use super::PopFuture;
use super::wait::{Most, wait};
use crate::allocator::Allocator;
use crate::offset::{AllocatorId, Offset};
use crate::sync::atomic::AtomicUsize;
use crate::sync::{ChunkQueue, Chunks, NotPopped, NotPushed, Place, QueueWords};
#[cfg(feature = "async")]
use crate::thread::Watch;

/// Bytes of a chunk, about.
const CHUNK_BYTES: usize = 4096;

/// A queue of any number of values, to which and from which many add and take.
///
/// Values wait in chunks of some KiB, which are allocated when they are needed and
/// freed when they are empty. So pushing fails when the heap is full, and never
/// waits for room.
///
/// Each end has a lock that survives its holder. Who pushes waits for others who
/// push, for the time of moving one value, and never for those who pop.
///
/// # When a process died
///
/// The value that it was pushing or popping is lost, with what that owns, until
/// [`reclaim_unreachable`](crate::allocator::ThreadLocalAllocator::reclaim_unreachable)
/// finds it. Nothing else is.
///
/// ```no_run
/// use anymem_core::container::message::{MessageError, ShmQueue};
///
/// fn work(jobs: &ShmQueue<u64>) -> Result<(), MessageError> {
///     loop {
///         match jobs.pop() {
///             Ok(job) => println!("job {job}"),
///             Err(MessageError::Closed) => return Ok(()),
///             Err(error) => return Err(error),
///         }
///     }
/// }
/// ```
#[repr(C)]
pub struct ShmQueue<T: ShmSafe> {
    heap: AllocatorId,
    at: Offset,
    _owns: PhantomData<T>,
}

// SAFETY: a value is reached by who pushes it or who pops it, under a lock.
unsafe impl<T: ShmSafe + Send> Sync for ShmQueue<T> {}

/// A chunk of a queue.
#[repr(C)]
struct Chunk<T> {
    next: AtomicUsize,
    first: AtomicUsize,
    values: [MaybeUninit<T>; 0],
}

/// The chunks of a queue, in this process.
struct InHeap<T> {
    heap: Heap,
    _of: PhantomData<T>,
}

impl<T: ShmSafe> InHeap<T> {
    const LAYOUT: Layout = {
        let values = Layout::new::<Chunk<T>>().size() + Self::ROOM * size_of::<T>();
        let align = align_of::<Chunk<T>>();
        match Layout::from_size_align(values, align) {
            Ok(layout) => layout,
            Err(_) => panic!("a value of more than a heap has"),
        }
    };

    /// Where the value of a place is.
    fn place(&self, (chunk, index): Place) -> Result<NonNull<T>, ContainerError> {
        let at = chunk.add(size_of::<Chunk<T>>()).add(index * size_of::<T>());
        self.heap.array(at, 1)
    }
}

impl<T: ShmSafe> Chunks for InHeap<T> {
    type A = crate::sync::Native;
    type Error = ContainerError;

    const ROOM: usize = {
        let each = if size_of::<T>() == 0 { 1 } else { size_of::<T>() };
        let room = (CHUNK_BYTES - size_of::<Chunk<T>>() % CHUNK_BYTES) / each;
        if room < 8 { 8 } else { room }
    };

    fn words(&self, chunk: Offset) -> Result<(&AtomicUsize, &AtomicUsize), ContainerError> {
        // All of it lies in the heap, not its beginning only.
        self.heap.array::<u8>(chunk, Self::LAYOUT.size())?;
        let chunk = self.heap.array::<Chunk<T>>(chunk, 1)?;
        // SAFETY: inside the heap and aligned (`array`); any bits are words, and who
        // has an end's lock is the only one that frees chunks there.
        let chunk = unsafe { chunk.as_ref() };
        Ok((&chunk.next, &chunk.first))
    }

    fn append(&self, link: &AtomicUsize, first: usize) -> Result<Offset, ContainerError> {
        let mut fill = |to: NonNull<u8>| {
            let (next, first) = (AtomicUsize::new(0), AtomicUsize::new(first));
            // SAFETY: a block of its own, as large and aligned as a chunk.
            unsafe { to.cast().write(Chunk::<T> { next, first, values: [] }) };
        };
        let new = (Some(Self::LAYOUT), 0);
        // SAFETY: the link names nothing, and who has the lock alone stores to it.
        unsafe { self.heap.exchange(NonNull::from(link), None, new, &mut fill) }
    }

    fn retire(&self, link: &AtomicUsize, old: Offset, next: Offset) -> Result<(), ContainerError> {
        let (link, old) = (NonNull::from(link), Some((old, Self::LAYOUT)));
        // SAFETY: the link names the chunk, which nobody else does: the tail has left
        // it. Who has the lock alone stores to it.
        unsafe { self.heap.exchange(link, old, (None, next.get()), &mut |_| {}) }.map(|_| ())
    }

    fn recover(&self) {
        self.heap.allocator().recover();
    }

    fn corrupt(&self) -> ContainerError {
        ContainerError::Corrupt
    }
}

impl<T: ShmSafe> ShmQueue<T> {
    /// An empty queue in `heap`.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Result<Self, ContainerError> {
        let id = heap.id();
        let found = Heap::find(id)?;
        let layout = Layout::new::<QueueWords>();
        let (at, words) = found.allocate::<QueueWords>(layout, 1)?;
        // SAFETY: the block was just handed out; zero bytes are a queue's words.
        unsafe { words.write_bytes(0, 1) };
        let made = Self { heap: id, at, _owns: PhantomData };
        made.with(|queue, _| queue.begin())?;
        Ok(made)
    }

    /// The id of the heap that the values live in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// Adds a value at the end.
    ///
    /// # Errors
    ///
    /// The queue is closed or damaged, or the heap is full or not attached; `value`
    /// is dropped.
    pub fn push(&self, value: T) -> Result<(), MessageError> {
        self.with(|queue, chunks| {
            let pushed = queue.push(chunks.heap.model(), |place| {
                let place = chunks.place(place)?;
                // SAFETY: inside the heap and aligned (`place`); no value is there.
                unsafe { place.write(value) };
                Ok(())
            });
            Ok(pushed.map_err(|why| match why {
                NotPushed::Closed => MessageError::Closed,
                NotPushed::Busy(holder) => MessageError::kept_by(holder),
                NotPushed::NoChunk(error) => error.into(),
            }))
        })?
    }

    /// Takes the first value, and waits for one if need be.
    ///
    /// # Errors
    ///
    /// The queue is closed and empty, damaged, or its heap is not attached.
    pub fn pop(&self) -> Result<T, MessageError> {
        self.pop_within(Most::Endless)
    }

    /// Takes the first value, if there is one.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop), and [`MessageError::Empty`].
    pub fn try_pop(&self) -> Result<T, MessageError> {
        self.pop_within(Most::Nothing)
    }

    /// As [`pop`](Self::pop), waiting for `most` at most.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop), and [`MessageError::TimedOut`].
    pub fn pop_timeout(&self, most: Duration) -> Result<T, MessageError> {
        self.pop_within(Most::Time(most))
    }

    fn pop_within(&self, most: Most) -> Result<T, MessageError> {
        self.with(|queue, chunks| {
            let model = chunks.heap.model();
            let mut patience = most.patience(model);
            let attempt = |_| Self::attempt(queue, chunks);
            Ok(wait(&queue.filled(), patience.as_mut(), MessageError::Empty, model, attempt))
        })?
    }

    /// Takes the first value, once there is one, without keeping a thread; see
    /// [`message`](super#futures).
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    #[cfg(feature = "async")]
    pub const fn pop_async(&self) -> PopFuture<'_, T> {
        PopFuture::new(self)
    }

    #[cfg(feature = "async")]
    pub(super) fn poll_pop(
        &self,
        watch: &mut Option<Watch>,
        cx: &Context<'_>,
    ) -> Poll<Result<T, MessageError>> {
        self.with(|queue, chunks| {
            let attempt = || Self::attempt(queue, chunks);
            Ok(queue.filled().poll_for(watch, chunks.heap.model(), cx, attempt))
        })?
    }

    /// What popping comes to, if to anything.
    fn attempt(
        queue: &ChunkQueue<'_, InHeap<T>>,
        chunks: &InHeap<T>,
    ) -> Option<Result<T, MessageError>> {
        match queue.pop(chunks.heap.model(), |place| chunks.take(place)) {
            Ok(value) => Some(Ok(value)),
            Err(NotPopped::Empty) => None,
            Err(NotPopped::Closed) => Some(Err(MessageError::Closed)),
            Err(NotPopped::Busy(holder)) => Some(Err(MessageError::kept_by(holder))),
            Err(NotPopped::NoChunk(error)) => Some(Err(error.into())),
        }
    }

    /// How many values there are at this moment.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only.
    pub fn len(&self) -> Result<usize, ContainerError> {
        self.with(|queue, _| Ok(queue.len()))
    }

    /// Whether there are none at this moment.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only.
    pub fn is_empty(&self) -> Result<bool, ContainerError> {
        self.len().map(|len| len == 0)
    }

    /// Lets nobody push any more. Who pops is told when all values are gone.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only.
    pub fn close(&self) -> Result<(), ContainerError> {
        self.with(|queue, chunks| queue.close(chunks.heap.model()).map_err(ContainerError::kept_by))
    }

    /// Whether the queue was closed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only.
    pub fn is_closed(&self) -> Result<bool, ContainerError> {
        self.with(|queue, _| Ok(queue.is_closed()))
    }

    fn with<R>(
        &self,
        work: impl FnOnce(&ChunkQueue<'_, InHeap<T>>, &InHeap<T>) -> Result<R, ContainerError>,
    ) -> Result<R, ContainerError> {
        let heap = Heap::find(self.heap)?;
        heap.writable()?;
        let words = heap.array::<QueueWords>(self.at, 1)?;
        let chunks = InHeap { heap, _of: PhantomData };
        // SAFETY: inside the heap and aligned (`array`); any bits are words. The
        // block is the queue's for as long as that is borrowed.
        let words = unsafe { words.as_ref() };
        work(&ChunkQueue::new(words, &chunks), &chunks)
    }

    /// Names the chunks of the queue whose words are at `at`.
    ///
    /// # Safety
    ///
    /// They are there.
    unsafe fn trace_chunks(
        tracer: &mut Tracer<'_>,
        at: Offset,
        _: usize,
    ) -> Result<(), TraceError> {
        let words = tracer.array::<QueueWords>(at, 1)?;
        let chunks = InHeap::<T> { heap: tracer.heap(), _of: PhantomData };
        // SAFETY: inside the heap and aligned (`array`); any bits are words.
        let words = unsafe { words.as_ref() };
        let heap = tracer.heap().allocator().id();
        let mut failed = None;
        let walked = ChunkQueue::new(words, &chunks).for_each_chunk(|chunk, range| {
            let bytes = InHeap::<T>::LAYOUT.size();
            let start = chunk.add(size_of::<Chunk<T>>()).add(range.start * size_of::<T>());
            // SAFETY: nothing is looked at at once; the values are there.
            let noted = unsafe {
                tracer.owned(heap, chunk, bytes, (values::<u8>, 0)).and_then(|is_new| {
                    tracer.note(values::<T>, start, range.len()).map(|()| is_new)
                })
            };
            Ok(noted.unwrap_or_else(|error| {
                failed = Some(error);
                false
            }))
        });
        match failed {
            Some(error) => Err(error),
            None => walked.map_err(|_| TraceError::Damaged { at }),
        }
    }
}

impl<T: ShmSafe> InHeap<T> {
    /// Moves a value out of its place.
    fn take(&self, place: Place) -> Result<T, ContainerError> {
        let place = self.place(place)?;
        // SAFETY: inside the heap and aligned (`place`); a value was pushed there,
        // which is taken once: who has the head's lock counts it.
        Ok(unsafe { place.read() })
    }
}

impl<T: ShmSafe> Drop for ShmQueue<T> {
    /// Drops the values; leaks them where the heap is not attached.
    fn drop(&mut self) {
        let Ok(heap) = Heap::find(self.heap) else { return };
        let _ = self.with(|queue, chunks| {
            queue.own();
            while let Ok(value) = queue.pop_alone(|place| chunks.take(place)) {
                drop(value);
            }
            let mut last = Offset::NULL;
            let walked = queue.for_each_chunk(|chunk, range| {
                if !last.is_null() {
                    // SAFETY: the chunk was the queue's, and is empty.
                    unsafe { heap.free(last, InHeap::<T>::LAYOUT) };
                }
                last = chunk;
                Ok(range.is_empty())
            });
            if !last.is_null() {
                // SAFETY: as above.
                unsafe { heap.free(last, InHeap::<T>::LAYOUT) };
            }
            walked
        });
        let at = core::mem::replace(&mut self.at, Offset::NULL);
        in_order();
        if !at.is_null() {
            // SAFETY: only the queue knew of its block, and it has forgotten it.
            unsafe { heap.free(at, Layout::new::<QueueWords>()) };
        }
    }
}

impl<T: ShmSafe> Trace for ShmQueue<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        // One that was just dropped is empty.
        if self.at.is_null() {
            return Ok(());
        }
        let look = (Self::trace_chunks as _, 1);
        // SAFETY: the queue owns its words there.
        unsafe { tracer.owned(self.heap, self.at, size_of::<QueueWords>(), look) }.map(|_| ())
    }
}

impl<T: ShmSafe> fmt::Debug for ShmQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len() {
            Ok(len) => write!(f, "ShmQueue({len} values)"),
            Err(error) => write!(f, "ShmQueue(<{error}>)"),
        }
    }
}
