//! A message in the hands of who sends it.

use core::fmt;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::slice;
use core::time::Duration;

use super::super::super::{ContainerError, ShmSafe};
use super::super::MessageError;
use super::super::wait::{Most, wait};
use super::Payload;
use super::opened::Opened;
use crate::sync::{Held, Mode};
use crate::thread::Owner;

/// Room for a message, which is to be written; given back when this is dropped.
#[must_use = "the room is given back when this is dropped"]
pub struct Loan<'t, M: Payload + ?Sized> {
    lent: Lent<'t, M>,
}

/// A message that is written and not yet published; dropped with this.
#[must_use = "the message is dropped unless it is published"]
pub struct Letter<'t, M: Payload + ?Sized> {
    lent: Lent<'t, M>,
}

/// An entry that is lent to this process.
struct Lent<'t, M: Payload + ?Sized> {
    opened: Opened<'t, M>,
    entry: usize,
    message: NonNull<M>,
    by: Owner,
}

// SAFETY: it is the only one that knows of the message.
unsafe impl<M: Payload + Send + ?Sized> Send for Lent<'_, M> {}
// SAFETY: a shared reference gives shared references to the message only.
unsafe impl<M: Payload + Sync + ?Sized> Sync for Lent<'_, M> {}

impl<M: Payload + ?Sized> Clone for Lent<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Payload + ?Sized> Copy for Lent<'_, M> {}

impl<M: Payload + ?Sized> Lent<'_, M> {
    /// Whether it is lent to this process, and not to the one that this one was
    /// forked from.
    fn is_ours(&self) -> bool {
        self.opened.heap.model().owner() == self.by
    }

    fn publish(&self, most: Most) -> Result<usize, MessageError> {
        if !self.is_ours() {
            return Err(MessageError::Busy);
        }
        let (opened, model) = (&self.opened, self.opened.heap.model());
        let table = opened.table();
        let mut patience = most.patience(model);
        let attempt = |ask| self.try_publish(ask);
        let done = wait(&table.room(), patience.as_mut(), MessageError::Full, model, attempt)?;
        let waking = if opened.mode() == Mode::One { 1 } else { u32::MAX };
        table.queued().announce(waking, model);
        Ok(done)
    }

    /// Publishes, and drops what has to make room; `None` where some receiver is to be
    /// waited for.
    fn try_publish(&self, ask: bool) -> Option<Result<usize, MessageError>> {
        let (opened, model) = (&self.opened, self.opened.heap.model());
        let table = opened.table();
        let mut may_ask = true;
        // Each time but two makes room in a queue.
        for _ in 0..=opened.messages().saturating_add(2).saturating_mul(2) {
            let locked = table.lock(model, opened);
            match locked.publish(self.entry, self.by.to_word()) {
                Ok(receivers) => return Some(Ok(receivers)),
                Err(Held::Closed) => return Some(Err(MessageError::Closed)),
                Err(Held::Evicted(entry)) => {
                    drop(locked);
                    opened.drop_message(entry);
                    continue;
                }
                // Whoever has no room may be dead.
                Err(Held::Full) if may_ask => locked.repair(model, opened),
                Err(Held::Waited) if ask && may_ask => locked.repair(model, opened),
                Err(Held::Full) => return Some(Err(MessageError::Full)),
                Err(Held::Waited) => return None,
            }
            may_ask = false;
        }
        Some(Err(ContainerError::Corrupt.into()))
    }
}

impl<'t, M: Payload + ?Sized> Loan<'t, M> {
    pub(super) fn new(
        opened: Opened<'t, M>,
        entry: usize,
        by: Owner,
    ) -> Result<Self, MessageError> {
        let message = opened.message(entry)?;
        Ok(Self { lent: Lent { opened, entry, message, by } })
    }

    /// Says that all of the message was written.
    ///
    /// # Safety
    ///
    /// It was.
    pub unsafe fn assume_init(self) -> Letter<'t, M> {
        Letter { lent: ManuallyDrop::new(self).lent }
    }
}

impl<'t, T: ShmSafe> Loan<'t, T> {
    /// The room.
    pub fn uninit(&mut self) -> &mut MaybeUninit<T> {
        let mut room = self.lent.message.cast::<MaybeUninit<T>>();
        // SAFETY: inside the heap and aligned, and only the lender knows of it.
        unsafe { room.as_mut() }
    }

    /// Writes the message.
    pub fn write(mut self, value: T) -> Letter<'t, T> {
        self.uninit().write(value);
        // SAFETY: just written.
        unsafe { self.assume_init() }
    }
}

impl<'t, T: ShmSafe> Loan<'t, [T]> {
    /// The room.
    pub fn uninit(&mut self) -> &mut [MaybeUninit<T>] {
        let start = self.lent.message.cast::<MaybeUninit<T>>();
        // SAFETY: inside the heap and aligned, and only the lender knows of it.
        unsafe { slice::from_raw_parts_mut(start.as_ptr(), self.lent.message.len()) }
    }

    /// Writes the message, value by value.
    ///
    /// If `make` panics the values before are not dropped.
    pub fn fill_with(mut self, mut make: impl FnMut(usize) -> T) -> Letter<'t, [T]> {
        for (index, place) in self.uninit().iter_mut().enumerate() {
            place.write(make(index));
        }
        // SAFETY: just written.
        unsafe { self.assume_init() }
    }
}

impl<M: Payload + ?Sized> Drop for Loan<'_, M> {
    fn drop(&mut self) {
        if self.lent.is_ours() {
            self.lent.opened.give_back(self.lent.entry);
        }
    }
}

impl<M: Payload + ?Sized> fmt::Debug for Loan<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loan({})", self.lent.entry)
    }
}

impl<M: Payload + ?Sized> Letter<'_, M> {
    /// Publishes the message, and waits for those receivers that
    /// [block](crate::sync::Overflow::Block) if need be; how many get it. In a topic
    /// for each that nobody has joined nobody does, and it is dropped.
    ///
    /// # Errors
    ///
    /// The topic is closed, or a receiver that
    /// [refuses](crate::sync::Overflow::Refuse) has as many as it takes
    /// ([`MessageError::Full`]). The message is dropped.
    pub fn publish(self) -> Result<usize, MessageError> {
        self.publish_within(Most::Endless)
    }

    /// As [`publish`](Self::publish), without waiting.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish).
    pub fn try_publish(self) -> Result<usize, MessageError> {
        self.publish_within(Most::Nothing)
    }

    /// As [`publish`](Self::publish), waiting for `most` at most.
    ///
    /// # Errors
    ///
    /// As [`publish`](Self::publish), and [`MessageError::TimedOut`].
    pub fn publish_timeout(self, most: Duration) -> Result<usize, MessageError> {
        self.publish_within(Most::Time(most))
    }

    fn publish_within(self, most: Most) -> Result<usize, MessageError> {
        let receivers = self.lent.publish(most)?;
        if receivers > 0 {
            core::mem::forget(self);
        }
        Ok(receivers)
    }
}

impl<M: Payload + ?Sized> Deref for Letter<'_, M> {
    type Target = M;

    fn deref(&self) -> &M {
        // SAFETY: inside the heap and aligned, written, and only the lender knows of
        // it.
        unsafe { self.lent.message.as_ref() }
    }
}

impl<M: Payload + ?Sized> DerefMut for Letter<'_, M> {
    fn deref_mut(&mut self) -> &mut M {
        // SAFETY: as for `deref`, and the letter is borrowed mutably.
        unsafe { self.lent.message.as_mut() }
    }
}

impl<M: Payload + ?Sized> Drop for Letter<'_, M> {
    fn drop(&mut self) {
        if self.lent.is_ours() {
            self.lent.opened.drop_message(self.lent.entry);
        }
    }
}

impl<M: Payload + fmt::Debug + ?Sized> fmt::Debug for Letter<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Letter").field(&&**self).finish()
    }
}
