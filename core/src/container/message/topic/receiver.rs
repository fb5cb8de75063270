//! A receiver of a topic, and a message in its hands.

use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;
#[cfg(feature = "async")]
use core::task::{Context, Poll, ready};
use core::time::Duration;

use super::super::MessageError;
#[cfg(feature = "async")]
use super::super::ReceiveFuture;
use super::super::wait::{Most, wait};
use super::Payload;
use super::opened::Opened;
use crate::sync::Mode;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::thread::Owner;
#[cfg(feature = "async")]
use crate::thread::Watch;

/// One that receives a topic's messages, until it is dropped.
#[must_use = "it receives nothing any more when it is dropped"]
pub struct Receiver<'t, M: Payload + ?Sized> {
    opened: Opened<'t, M>,
    number: usize,
    by: Owner,
    /// How much news there was when there was no message.
    seen: AtomicUsize,
}

/// A message that was received; the last one to drop it drops its values.
#[must_use = "the message is given back when this is dropped"]
pub struct Received<'r, M: Payload + ?Sized> {
    receiver: &'r Receiver<'r, M>,
    entry: usize,
    message: NonNull<M>,
}

// SAFETY: it reaches messages that others may read at the same time.
unsafe impl<M: Payload + Send + Sync + ?Sized> Send for Receiver<'_, M> {}
// SAFETY: as above.
unsafe impl<M: Payload + Send + Sync + ?Sized> Sync for Receiver<'_, M> {}
// SAFETY: as above.
unsafe impl<M: Payload + Send + Sync + ?Sized> Send for Received<'_, M> {}
// SAFETY: as above.
unsafe impl<M: Payload + Send + Sync + ?Sized> Sync for Received<'_, M> {}

impl<'t, M: Payload + ?Sized> Receiver<'t, M> {
    pub(super) fn new(opened: Opened<'t, M>, number: usize, by: Owner) -> Self {
        // One that there never was: the first look is a real one.
        let seen = AtomicUsize::new(opened.table().news_seen().wrapping_sub(1));
        Self { opened, number, by, seen }
    }

    /// The next message, waited for if need be.
    ///
    /// # Errors
    ///
    /// The topic is closed and all was received, it is damaged, or this process was
    /// forked from the one that joined ([`MessageError::Busy`]).
    pub fn receive(&self) -> Result<Received<'_, M>, MessageError> {
        self.receive_within(Most::Endless)
    }

    /// The next message, if there is one.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive), and [`MessageError::Empty`].
    pub fn try_receive(&self) -> Result<Received<'_, M>, MessageError> {
        self.receive_within(Most::Nothing)
    }

    /// As [`receive`](Self::receive), waiting for `most` at most.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive), and [`MessageError::TimedOut`].
    pub fn receive_timeout(&self, most: Duration) -> Result<Received<'_, M>, MessageError> {
        self.receive_within(Most::Time(most))
    }

    fn is_ours(&self) -> bool {
        self.opened.heap.model().owner() == self.by
    }

    fn receive_within(&self, most: Most) -> Result<Received<'_, M>, MessageError> {
        if !self.is_ours() {
            return Err(MessageError::Busy);
        }
        let (table, model) = (self.opened.table(), self.opened.heap.model());
        let mut patience = most.patience(model);
        let attempt = |ask| self.look(ask);
        let none = MessageError::Empty;
        let entry = wait(&table.queued(), patience.as_mut(), none, model, attempt)?;
        self.received(entry)
    }

    /// The next message, once there is one, without keeping a thread; see
    /// [`message`](super::super#futures).
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    #[cfg(feature = "async")]
    pub const fn receive_async(&self) -> ReceiveFuture<'_, M> {
        ReceiveFuture::new(self)
    }

    #[cfg(feature = "async")]
    pub(in super::super) fn poll_receive(
        &self,
        watch: &mut Option<Watch>,
        cx: &Context<'_>,
    ) -> Poll<Result<Received<'_, M>, MessageError>> {
        if !self.is_ours() {
            return Poll::Ready(Err(MessageError::Busy));
        }
        let (table, model) = (self.opened.table(), self.opened.heap.model());
        let ask = watch.is_some();
        let look = || self.look(ask);
        let found = ready!(table.queued().poll_for(watch, model, cx, look));
        Poll::Ready(found.and_then(|entry| self.received(entry)))
    }

    /// The message in this entry, of which this receiver was made a holder.
    fn received(&self, entry: usize) -> Result<Received<'_, M>, MessageError> {
        // Where messages wait for anybody, nobody waits until one is received.
        if self.opened.mode() != Mode::One {
            self.opened.table().room().announce(u32::MAX, self.opened.heap.model());
        }
        match self.opened.message(entry) {
            Ok(message) => Ok(Received { receiver: self, entry, message }),
            Err(error) => {
                self.release(entry);
                Err(error.into())
            }
        }
    }

    /// Looks for a message; `None` where there is none yet.
    fn look(&self, ask: bool) -> Option<Result<usize, MessageError>> {
        let (table, model) = (self.opened.table(), self.opened.heap.model());
        let news = table.news_seen();
        if !ask && news == self.seen.load(Ordering::Relaxed) && !table.is_closed() {
            return None;
        }
        let locked = match table.lock(model, &self.opened) {
            Ok(locked) => locked,
            Err(holder) => return Some(Err(MessageError::kept_by(holder))),
        };
        let comes_back = || self.opened.mode() == Mode::One && locked.is_any_held(self.number);
        let found = locked.receive(self.number).or_else(|| {
            // Whoever has one may be dead.
            if !ask || !comes_back() {
                return None;
            }
            locked.repair(model, &self.opened);
            locked.receive(self.number)
        });
        if let Some(entry) = found {
            return Some(Ok(entry));
        }
        self.seen.store(news, Ordering::Relaxed);
        (table.is_closed() && !comes_back()).then_some(Err(MessageError::Closed))
    }

    fn release(&self, entry: usize) {
        let (table, model) = (self.opened.table(), self.opened.heap.model());
        // What somebody keeps from being released stays until this process has ended.
        let Ok(locked) = table.lock(model, &self.opened) else { return };
        let is_last = locked.release(self.number, entry, self.by.to_word());
        drop(locked);
        if is_last {
            self.opened.drop_message(entry);
        }
        if table.is_closed() {
            table.queued().announce(u32::MAX, model);
        }
    }
}

impl<M: Payload + ?Sized> Drop for Receiver<'_, M> {
    /// Gives up what it has yet to receive.
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let (table, model) = (self.opened.table(), self.opened.heap.model());
        // As often as there are messages, whatever the table says.
        for _ in 0..=self.opened.messages() {
            let Ok(locked) = table.lock(model, &self.opened) else { break };
            let left = locked.leave(self.number, self.by.to_word());
            drop(locked);
            let Some(entry) = left else { break };
            self.opened.drop_message(entry);
        }
        table.room().announce(u32::MAX, model);
    }
}

impl<M: Payload + ?Sized> fmt::Debug for Receiver<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({})", self.number)
    }
}

impl<M: Payload + ?Sized> Deref for Received<'_, M> {
    type Target = M;

    fn deref(&self) -> &M {
        // SAFETY: inside the heap and aligned, written before it was published, and
        // nobody changes it or frees it while somebody has it.
        unsafe { self.message.as_ref() }
    }
}

impl<M: Payload + ?Sized> Drop for Received<'_, M> {
    fn drop(&mut self) {
        if self.receiver.is_ours() {
            self.receiver.release(self.entry);
        }
    }
}

impl<M: Payload + fmt::Debug + ?Sized> fmt::Debug for Received<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Received").field(&&**self).finish()
    }
}
