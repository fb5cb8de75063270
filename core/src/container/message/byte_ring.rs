//! A ring of bytes that holds messages of any length.

use core::alloc::Layout;
use core::fmt;
#[cfg(feature = "async")]
use core::task::{Context, Poll, ready};
use core::time::Duration;

use super::super::heap::{Heap, in_order, too_large};
use super::super::trace::values;
use super::super::{ContainerError, Trace, TraceError, Tracer};
use super::MessageError;
use super::byte_guards::{ByteMessage, ReservedBytes};
#[cfg(feature = "async")]
use super::future::{ReadFuture, ReserveFuture};
use super::wait::{Most, wait};
use crate::allocator::Allocator;
use crate::offset::{AllocatorId, Offset};
use crate::sync::{ByteRing, Bytes, Found, Record, RingWords};
#[cfg(feature = "async")]
use crate::thread::Watch;

/// The words before the records.
type Words = RingWords;

/// The ring over bytes of a heap.
pub(super) type Ring<'r> = ByteRing<'r, Bytes<'r>>;

/// Messages of any length, in a ring of bytes: written and read in place.
///
/// Any number of threads and processes write at the same time. Each
/// [reserves](Self::reserve) room, writes into it, and commits; messages are read
/// in the order in which they were reserved. One at a time reads: whoever
/// [has a message](Self::read) is the reader until it drops that.
///
/// A message takes its length, rounded up to the size of four words, and four words
/// more. It is in one piece, so it may be up to [`longest`](Self::longest) bytes
/// long, which is half of the capacity less four words.
///
/// # When a process died
///
/// What a writer had reserved and not committed is passed over; who reads next asks
/// for it when it stands in the way. The message that a reader had in its hands is
/// read again by the next one. A *living* writer that does not commit holds up what
/// was reserved after it.
///
/// ```no_run
/// use anymem_core::allocator::Allocator;
/// use anymem_core::container::message::{MessageError, ShmByteRing};
///
/// fn log(ring: &ShmByteRing, line: &str) -> Result<(), MessageError> {
///     let mut room = ring.reserve(line.len())?;
///     room.copy_from_slice(line.as_bytes());
///     room.commit()
/// }
///
/// fn print(ring: &ShmByteRing) -> Result<(), MessageError> {
///     let line = ring.read()?;
///     println!("{}", String::from_utf8_lossy(&line));
///     Ok(())
/// }
/// ```
#[repr(C)]
pub struct ShmByteRing {
    heap: AllocatorId,
    at: Offset,
    capacity: usize,
}

/// A ring in this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened<'r> {
    pub(super) heap: Heap,
    words: &'r Words,
    pub(super) bytes: Bytes<'r>,
    capacity: usize,
}

impl Opened<'_> {
    pub(super) fn ring(&self) -> Ring<'_> {
        ByteRing::new(self.words, &self.bytes, self.capacity)
    }

    /// What reserving `len` bytes comes to; `None` where there is no room yet.
    fn reserve(&self, len: usize) -> Option<Result<Record, MessageError>> {
        match self.ring().reserve(len, self.heap.model()) {
            Ok(record) => Some(Ok(record)),
            Err(refusal) => match MessageError::refused(refusal, len, Ring::longest(self.capacity))
            {
                MessageError::Full => None,
                error => Some(Err(error)),
            },
        }
    }

    /// What looking for a message comes to, for who has the readers' lock; `None` where
    /// there is none yet.
    fn find(&self, ask: bool) -> Option<Result<Record, MessageError>> {
        match self.ring().find(ask, self.heap.model()) {
            Found::Message(record) => Some(Ok(record)),
            Found::Nothing => None,
            Found::Closed => Some(Err(MessageError::Closed)),
            Found::Corrupt => Some(Err(ContainerError::Corrupt.into())),
        }
    }

    /// Gives the readers' lock back, of who found no message.
    fn end_turn(&self) {
        let model = self.heap.model();
        self.ring().readers().release(model.owner(), model);
    }

    /// Takes the readers' lock if nobody has it, and looks for a message; the lock is
    /// kept where there is one.
    #[cfg(feature = "async")]
    fn take_turn(&self, ask: bool) -> Option<Result<Record, MessageError>> {
        let (ring, model) = (self.ring(), self.heap.model());
        // Whoever had it before left nothing to be repaired.
        let _ = ring.readers().try_acquire(model.owner(), model)?;
        let found = self.find(ask);
        if !matches!(found, Some(Ok(_))) {
            self.end_turn();
        }
        found
    }
}

impl ShmByteRing {
    /// The most bytes of a ring.
    pub const CAPACITY_MAX: usize = 1 << (usize::BITS - 2);

    /// An empty ring in `heap`, of at least `capacity` bytes, rounded up to a power of
    /// two.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn new_in(
        capacity: usize,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let id = heap.id();
        if capacity > Self::CAPACITY_MAX {
            return Err(too_large(capacity));
        }
        let capacity = capacity.max(Ring::CAPACITY_MIN).next_power_of_two();
        let layout = layout(capacity)?;
        let (at, start) = Heap::find(id)?.allocate::<u8>(layout, layout.size())?;
        // SAFETY: the block was just handed out. Zero bytes are an empty ring, and
        // messages are to be bytes that were written before.
        unsafe { start.write_bytes(0, layout.size()) };
        Ok(Self { heap: id, at, capacity })
    }

    /// Bytes of the ring.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes of the longest message.
    #[must_use]
    pub fn longest(&self) -> usize {
        Ring::longest(self.capacity.max(Ring::CAPACITY_MIN))
    }

    /// The id of the heap that the ring lives in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// Reserves room for a message of `len` bytes, and waits for it if need be.
    ///
    /// The room holds whatever was there before.
    ///
    /// # Errors
    ///
    /// The ring is closed, the message is too large, or the heap is not attached.
    pub fn reserve(&self, len: usize) -> Result<ReservedBytes<'_>, MessageError> {
        self.reserve_within(len, Most::Endless)
    }

    /// As [`reserve`](Self::reserve), without waiting.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve), and [`MessageError::Full`].
    pub fn try_reserve(&self, len: usize) -> Result<ReservedBytes<'_>, MessageError> {
        self.reserve_within(len, Most::Nothing)
    }

    /// As [`reserve`](Self::reserve), waiting for `most` at most.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve), and [`MessageError::TimedOut`].
    pub fn reserve_timeout(
        &self,
        len: usize,
        most: Duration,
    ) -> Result<ReservedBytes<'_>, MessageError> {
        self.reserve_within(len, Most::Time(most))
    }

    fn reserve_within(&self, len: usize, most: Most) -> Result<ReservedBytes<'_>, MessageError> {
        let opened = self.open()?;
        let (ring, model) = (opened.ring(), opened.heap.model());
        let mut patience = most.patience(model);
        let attempt = |_| opened.reserve(len);
        let record = wait(&ring.room(), patience.as_mut(), MessageError::Full, model, attempt)?;
        ReservedBytes::new(opened, record)
    }

    /// As [`reserve`](Self::reserve), by a task that waits without a thread of its own.
    #[cfg(feature = "async")]
    pub fn reserve_async(&self, len: usize) -> ReserveFuture<'_> {
        ReserveFuture::new(self, len)
    }

    #[cfg(feature = "async")]
    pub(super) fn poll_reserve(
        &self,
        len: usize,
        watch: &mut Option<Watch>,
        cx: &Context<'_>,
    ) -> Poll<Result<ReservedBytes<'_>, MessageError>> {
        let opened = self.open()?;
        let (room, model) = (opened.ring().room(), opened.heap.model());
        let reserved = ready!(room.poll_for(watch, model, cx, || opened.reserve(len)));
        Poll::Ready(reserved.and_then(|record| ReservedBytes::new(opened, record)))
    }

    /// Sends a copy of `message`, and waits for room if need be.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn send(&self, message: &[u8]) -> Result<(), MessageError> {
        self.reserve(message.len())?.fill(message)
    }

    /// As [`send`](Self::send), without waiting.
    ///
    /// # Errors
    ///
    /// As [`try_reserve`](Self::try_reserve).
    pub fn try_send(&self, message: &[u8]) -> Result<(), MessageError> {
        self.try_reserve(message.len())?.fill(message)
    }

    /// As [`send`](Self::send), waiting for `most` at most.
    ///
    /// # Errors
    ///
    /// As [`reserve_timeout`](Self::reserve_timeout).
    pub fn send_timeout(&self, message: &[u8], most: Duration) -> Result<(), MessageError> {
        self.reserve_timeout(message.len(), most)?.fill(message)
    }

    /// As [`send`](Self::send), by a task that waits without a thread of its own.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    #[cfg(feature = "async")]
    pub async fn send_async(&self, message: &[u8]) -> Result<(), MessageError> {
        self.reserve_async(message.len()).await?.fill(message)
    }

    /// The next message, waited for if need be, also while somebody else reads.
    ///
    /// A thread that has a message waits for itself.
    ///
    /// # Errors
    ///
    /// The ring is closed and empty, damaged, or its heap is not attached.
    pub fn read(&self) -> Result<ByteMessage<'_>, MessageError> {
        self.read_within(Most::Endless)
    }

    /// The next message, if there is one and nobody else reads.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`MessageError::Empty`] and
    /// [`MessageError::Busy`].
    pub fn try_read(&self) -> Result<ByteMessage<'_>, MessageError> {
        self.read_within(Most::Nothing)
    }

    /// As [`read`](Self::read), waiting for `most` at most.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`MessageError::TimedOut`].
    pub fn read_timeout(&self, most: Duration) -> Result<ByteMessage<'_>, MessageError> {
        self.read_within(Most::Time(most))
    }

    fn read_within(&self, most: Most) -> Result<ByteMessage<'_>, MessageError> {
        let opened = self.open()?;
        let (ring, model) = (opened.ring(), opened.heap.model());
        let mut patience = most.patience(model);
        // Whoever had it before left nothing to be repaired.
        let _ = match patience {
            None => ring.readers().try_acquire(model.owner(), model).ok_or(MessageError::Busy)?,
            Some(patience) => {
                let acquired = ring.readers().acquire_within(patience, model);
                acquired.map_err(|_| MessageError::TimedOut)?
            }
        };
        let attempt = |ask| opened.find(ask);
        let found = wait(&ring.filled(), patience.as_mut(), MessageError::Empty, model, attempt);
        found.and_then(|record| ByteMessage::new(opened, record)).inspect_err(|_| opened.end_turn())
    }

    /// As [`read`](Self::read), by a task that waits without a thread of its own.
    ///
    /// Tasks do not stand in line: one whose turn it could be may find that a thread or
    /// another task was faster, and then waits on.
    #[cfg(feature = "async")]
    pub fn read_async(&self) -> ReadFuture<'_> {
        ReadFuture::new(self)
    }

    #[cfg(feature = "async")]
    pub(super) fn poll_read(
        &self,
        watch: &mut Option<Watch>,
        cx: &Context<'_>,
    ) -> Poll<Result<ByteMessage<'_>, MessageError>> {
        let opened = self.open()?;
        let (filled, model, ask) = (opened.ring().filled(), opened.heap.model(), watch.is_some());
        let found = ready!(filled.poll_for(watch, model, cx, || opened.take_turn(ask)));
        Poll::Ready(
            found.and_then(|record| {
                ByteMessage::new(opened, record).inspect_err(|_| opened.end_turn())
            }),
        )
    }

    /// Lets nobody send any more. What was reserved can still be committed; the
    /// reader is told when all of it was read.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only.
    pub fn close(&self) -> Result<(), MessageError> {
        let opened = self.open()?;
        opened.ring().close(opened.heap.model()).map_err(MessageError::kept_by)
    }

    /// Whether the ring was closed.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only.
    pub fn is_closed(&self) -> Result<bool, MessageError> {
        Ok(self.open()?.ring().is_closed())
    }

    /// Bytes in use at this moment, by messages and what they need.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only.
    pub fn used(&self) -> Result<usize, MessageError> {
        Ok(self.open()?.ring().used())
    }

    fn open(&self) -> Result<Opened<'_>, ContainerError> {
        let heap = Heap::find(self.heap)?;
        heap.writable()?;
        // Read once: what is checked is what is used.
        let capacity = self.capacity;
        let sizes = Ring::CAPACITY_MIN..=Self::CAPACITY_MAX;
        if !capacity.is_power_of_two() || !sizes.contains(&capacity) {
            return Err(ContainerError::Corrupt);
        }
        let words = heap.array::<Words>(self.at, 1)?;
        let records = heap.array::<u8>(self.at.add(size_of::<Words>()), capacity)?;
        // SAFETY: inside the heap and aligned (`array`); any bits are atomic words.
        // The block is the ring's for as long as that is borrowed.
        let words = unsafe { words.as_ref() };
        // SAFETY: as above. Headers are accessed atomically, and messages by who
        // reserved or found them.
        let bytes = unsafe { Bytes::new(records, capacity) };
        Ok(Opened { heap, words, bytes, capacity })
    }
}

/// What a ring of so many bytes needs.
fn layout(capacity: usize) -> Result<Layout, ContainerError> {
    let size = size_of::<Words>().saturating_add(capacity);
    Layout::from_size_align(size, align_of::<Words>()).map_err(|_| too_large(size))
}

impl Drop for ShmByteRing {
    /// Frees the ring, with all messages; leaks it where the heap is not attached.
    fn drop(&mut self) {
        let (Ok(heap), Ok(layout)) = (Heap::find(self.heap), layout(self.capacity)) else { return };
        let at = core::mem::replace(&mut self.at, Offset::NULL);
        in_order();
        if !at.is_null() {
            // SAFETY: only the ring knew of its block, and it has forgotten it.
            unsafe { heap.free(at, layout) };
        }
    }
}

impl Trace for ShmByteRing {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        // One that was just dropped is empty.
        if self.at.is_null() {
            return Ok(());
        }
        let bytes = size_of::<Words>().saturating_add(self.capacity);
        // SAFETY: bytes own nothing, and none of them is looked at.
        unsafe { tracer.owned(self.heap, self.at, bytes, (values::<u8>, 0)) }.map(|_| ())
    }
}

impl fmt::Debug for ShmByteRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.used() {
            Ok(used) => write!(f, "ShmByteRing({used} of {} bytes)", self.capacity),
            Err(error) => write!(f, "ShmByteRing(<{error}>)"),
        }
    }
}
