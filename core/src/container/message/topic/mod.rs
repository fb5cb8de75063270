//! Messages that are handed over without being copied.

mod lend;
mod loan;
mod opened;
mod payload;
mod receiver;
mod shared;

pub use loan::{Letter, Loan};
pub use payload::Payload;
pub use receiver::{Received, Receiver};

use core::alloc::Layout;
use core::marker::PhantomData;

use self::opened::Opened;
use super::super::ContainerError;
use super::super::heap::{Heap, too_large};
use super::MessageError;
use crate::allocator::Allocator;
use crate::offset::{AllocatorId, Offset};
use crate::sync::{Bytes, MessageTable, Mode, Overflow};

/// Messages that go from process to process without being copied.
///
/// Who sends a message has it [lent](Self::loan): a block of the heap, which it
/// fills in place. What it then [publishes](Letter::publish) is where the block is,
/// whatever its length. Who [receives](Receiver::receive) it reads it there.
///
/// `M` is a type, or a slice of one: `ShmTopic<Order>`, `ShmTopic<[f32]>`,
/// `ShmTopic<[u8]>`.
///
/// - A topic [for each](Self::for_each_in) hands every message to all who have
///   [joined](Self::join), and keeps the last ones for those who come late.
/// - A topic [for one](Self::for_one_in) hands every message to whoever comes first.
///
/// There may be so many messages and receivers at a time as it is made for. An
/// operation looks at all of its messages, under a lock that survives its holder:
/// tens of messages are what it is meant for, and large ones.
///
/// # Blocks are kept
///
/// When the last one drops a message its values are dropped, but the topic keeps the
/// block, and lends it for a message that needs as much room, or at least half. So
/// messages of about one size allocate nothing once there are as many blocks as
/// messages at a time, and a large one costs no more than a small one. Where no block
/// that is kept will do, another is allocated, and takes the place of the one that was
/// used the longest ago once there are as many as messages.
///
/// A topic thus holds as many blocks as it is made for, each at most as large as the
/// largest message there was. They are freed by [`trim`](Self::trim), by the topic
/// itself when it finds the heap full, and when the topic is dropped. Others that find
/// the heap full do not have them.
///
/// # When a process died
///
/// Every block is named by the topic's table before anybody has it. What was lent to
/// the dead is lent again. What the dead held, or were yet to receive, goes on as if they
/// had dropped it; in a topic for one it is handed to the next one that comes. That
/// is done by those who miss a message, room or a place, and by
/// [`recover`](Self::recover). (Values that such a block owned in turn are not
/// dropped, and come back with
/// [`reclaim_unreachable`](crate::allocator::ThreadLocalAllocator::reclaim_unreachable).)
///
/// ```no_run
/// use anymem_core::allocator::Allocator;
/// use anymem_core::container::message::{MessageError, Overflow, ShmTopic};
///
/// fn show(frames: &ShmTopic<[u8]>) -> Result<(), MessageError> {
///     let screen = frames.join(2, Overflow::DropOldest)?;
///     loop {
///         let frame = screen.receive()?;
///         println!("{} bytes", frame.len());
///     }
/// }
///
/// fn film(frames: &ShmTopic<[u8]>) -> Result<(), MessageError> {
///     let mut frame = frames.loan_zeroed(1920 * 1080)?;
///     frame.fill(200);
///     frame.publish().map(|_| ())
/// }
/// ```
#[repr(C)]
pub struct ShmTopic<M: Payload + ?Sized> {
    heap: AllocatorId,
    at: Offset,
    messages: u32,
    receivers: u32,
    /// How many are kept for late comers; that they are handed to one.
    history: u32,
    _owns: PhantomData<M>,
}

// SAFETY: a message is changed by who has it lent, and read by those who have it.
unsafe impl<M: Payload + Send + Sync + ?Sized> Send for ShmTopic<M> {}
// SAFETY: as above.
unsafe impl<M: Payload + Send + Sync + ?Sized> Sync for ShmTopic<M> {}

/// In place of a history: each message is for one.
const FOR_ONE: u32 = u32::MAX;

impl<M: Payload + ?Sized> ShmTopic<M> {
    /// The most receivers of a topic.
    pub const RECEIVERS_MAX: usize = MessageTable::<Bytes<'static>>::RECEIVERS_MAX;

    /// The most messages of a topic.
    pub const MESSAGES_MAX: usize = 1 << 16;

    /// A topic whose messages go to each receiver, with up to `messages` of them at a
    /// time, lent, waiting or held; of which `history` are kept for those who come
    /// late.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or it would be too large.
    pub fn for_each_in(
        messages: usize,
        history: usize,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        Self::make(messages, history.min(messages) as u32, heap.id())
    }

    /// A topic whose messages go to one receiver each, with up to `messages` of them
    /// at a time, lent, waiting or held.
    ///
    /// # Errors
    ///
    /// As [`for_each_in`](Self::for_each_in).
    pub fn for_one_in(
        messages: usize,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        Self::make(messages, FOR_ONE, heap.id())
    }

    fn make(messages: usize, history: u32, heap: AllocatorId) -> Result<Self, ContainerError> {
        if messages > Self::MESSAGES_MAX {
            return Err(too_large(messages));
        }
        let (messages, receivers) = (messages.max(1), Self::RECEIVERS_MAX);
        let layout = layout(messages, receivers)?;
        let (at, start) = Heap::find(heap)?.allocate::<u8>(layout, layout.size())?;
        // SAFETY: the block was just handed out; zero bytes are an empty table.
        unsafe { start.write_bytes(0, layout.size()) };
        let (messages, receivers) = (messages as u32, receivers as u32);
        Ok(Self { heap, at, messages, receivers, history, _owns: PhantomData })
    }

    /// The id of the heap that the messages live in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// How many messages there may be at a time.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.messages as usize
    }

    /// How many messages there are at this moment, lent, waiting or held.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the topic is damaged.
    pub fn in_use(&self) -> Result<usize, MessageError> {
        Ok(self.open()?.table().in_use())
    }

    /// Becomes a receiver, for which up to `limit` messages wait; `overflow` tells
    /// what becomes of more. (In a topic for one, messages wait for anybody, and as
    /// many as there may be.)
    ///
    /// It gets what is published from now on, and the history first.
    ///
    /// # Errors
    ///
    /// [`MessageError::Full`] where there are
    /// [`RECEIVERS_MAX`](Self::RECEIVERS_MAX); the heap is not attached or read-only,
    /// or the topic is damaged.
    pub fn join(&self, limit: usize, overflow: Overflow) -> Result<Receiver<'_, M>, MessageError> {
        let opened = self.open()?;
        let model = opened.heap.model();
        let (table, me) = (opened.table(), model.owner());
        let locked = table.lock(model, &opened);
        let joined = locked.join(me.to_word(), limit, overflow).or_else(|| {
            locked.repair(model, &opened);
            locked.join(me.to_word(), limit, overflow)
        });
        drop(locked);
        Ok(Receiver::new(opened, joined.ok_or(MessageError::Full)?, me))
    }

    /// Takes back what the dead had.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the topic is damaged.
    pub fn recover(&self) -> Result<(), MessageError> {
        let opened = self.open()?;
        opened.recover_dead();
        Ok(())
    }

    /// Frees the blocks that are kept for the next messages.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the topic is damaged.
    pub fn trim(&self) -> Result<(), MessageError> {
        self.open()?.trim();
        Ok(())
    }

    /// Lets nobody publish any more. Receivers are told when they have received all.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the topic is damaged.
    pub fn close(&self) -> Result<(), MessageError> {
        let opened = self.open()?;
        let model = opened.heap.model();
        opened.table().lock(model, &opened).close();
        opened.table().queued().announce(u32::MAX, model);
        opened.table().room().announce(u32::MAX, model);
        Ok(())
    }

    /// Whether the topic was closed.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the topic is damaged.
    pub fn is_closed(&self) -> Result<bool, MessageError> {
        Ok(self.open()?.table().is_closed())
    }

    fn open(&self) -> Result<Opened<'_, M>, ContainerError> {
        // Read once: what is checked is what is used.
        let (messages, receivers, history) = (self.messages, self.receivers, self.history);
        let (messages, receivers) = (messages as usize, receivers as usize);
        let is_sane = (1..=Self::MESSAGES_MAX).contains(&messages);
        if !is_sane || receivers > Self::RECEIVERS_MAX {
            return Err(ContainerError::Corrupt);
        }
        let mode = match history {
            FOR_ONE => Mode::One,
            history => Mode::Each { history: history as usize },
        };
        Opened::new(self.heap, self.at, (messages, receivers), mode)
    }
}

/// What a table needs.
fn layout(messages: usize, receivers: usize) -> Result<Layout, ContainerError> {
    let words = MessageTable::<Bytes<'static>>::words(messages, receivers);
    let size = words * size_of::<usize>();
    Layout::from_size_align(size, 128).map_err(|_| too_large(size))
}
