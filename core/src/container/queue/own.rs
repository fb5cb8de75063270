//! Ends of queues that one thread has.

use core::fmt;
use core::time::Duration;

use super::super::ShmSafe;
use super::block::View;
use super::ends::{Own, Put, Take};
#[cfg(feature = "async")]
use super::future::{At, PopFuture, PushFuture};
use super::{EndError, PopError, PushError};

/// The only one that pushes into a queue; the end is free again when it is dropped,
/// or its process dies.
///
/// It may be sent to another thread. A child that was forked has no part in it: its
/// copy answers that it is foreign.
#[must_use = "the end is free again when this is dropped"]
pub struct Producer<'q, T: ShmSafe> {
    end: Own<'q, T>,
}

/// The only one that pops from a queue; the end is free again when it is dropped, or
/// its process dies.
///
/// It may be sent to another thread. A child that was forked has no part in it: its
/// copy answers that it is foreign.
#[must_use = "the end is free again when this is dropped"]
pub struct Consumer<'q, T: ShmSafe> {
    end: Own<'q, T>,
}

impl<'q, T: ShmSafe> Producer<'q, T> {
    pub(super) fn take(view: View<'q, T>) -> Result<Self, EndError> {
        Ok(Self { end: Own::take(view, &view.front.tail)? })
    }

    /// Puts a value in, if there is room.
    ///
    /// # Errors
    ///
    /// See [`PushError`]; the value comes back.
    #[inline]
    pub fn try_push(&mut self, value: T) -> Result<(), PushError<T>> {
        self.end.try_push(value)
    }

    /// Puts a value in, waiting for room.
    ///
    /// # Errors
    ///
    /// See [`PushError`]; the value comes back. Never [`PushError::Full`].
    pub fn push(&mut self, value: T) -> Result<(), PushError<T>> {
        self.push_within(value, None)
    }

    /// Puts a value in, waiting for room for `most` at most.
    ///
    /// # Errors
    ///
    /// See [`PushError`]; the value comes back.
    pub fn push_timeout(&mut self, value: T, most: Duration) -> Result<(), PushError<T>> {
        self.push_within(value, Some(most))
    }

    /// Puts a value in, once there is room, without keeping a thread; see
    /// [`queue`](super#futures).
    ///
    /// # Errors
    ///
    /// See [`PushError`]; the value comes back. Never [`PushError::Full`].
    #[cfg(feature = "async")]
    pub const fn push_async(&mut self, value: T) -> PushFuture<'_, T> {
        PushFuture::new(At::Own(&self.end), value)
    }

    /// Puts values in, one after the other, and announces them at once; how many.
    ///
    /// # Errors
    ///
    /// See [`PushError`]: the value that was not put in comes back. Those before it
    /// are in the queue, those after it in the iterator.
    pub fn try_push_many(
        &mut self,
        values: impl Iterator<Item = T>,
    ) -> Result<usize, PushError<T>> {
        self.end.try_push_many(values)
    }

    /// Closes the queue.
    pub fn close(&mut self) {
        self.end.view.close();
    }

    fn push_within(&mut self, value: T, most: Option<Duration>) -> Result<(), PushError<T>> {
        self.end.push_within(value, most)
    }
}

impl<'q, T: ShmSafe> Consumer<'q, T> {
    pub(super) fn take(view: View<'q, T>) -> Result<Self, EndError> {
        Ok(Self { end: Own::take(view, &view.front.head)? })
    }

    /// Takes the next value out, if there is one.
    ///
    /// # Errors
    ///
    /// See [`PopError`].
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        self.end.try_pop()
    }

    /// Takes the next value out, waiting for one.
    ///
    /// # Errors
    ///
    /// See [`PopError`]. Never [`PopError::Empty`].
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.end.pop_within(None)
    }

    /// Takes the next value out, waiting for one for `most` at most.
    ///
    /// # Errors
    ///
    /// See [`PopError`].
    pub fn pop_timeout(&mut self, most: Duration) -> Result<T, PopError> {
        self.end.pop_within(Some(most))
    }

    /// Takes the next value out, once there is one, without keeping a thread; see
    /// [`queue`](super#futures).
    ///
    /// # Errors
    ///
    /// See [`PopError`]. Never [`PopError::Empty`].
    #[cfg(feature = "async")]
    pub const fn pop_async(&mut self) -> PopFuture<'_, T> {
        PopFuture::new(At::Own(&self.end))
    }

    /// Takes up to `most` values out, as far as they are there, and gives them to
    /// `each`; how many, at least 1 where `most` is.
    ///
    /// # Errors
    ///
    /// See [`PopError`].
    pub fn try_pop_many(&mut self, most: usize, each: impl FnMut(T)) -> Result<usize, PopError> {
        self.end.try_pop_many(most, each)
    }

    /// Closes the queue.
    pub fn close(&mut self) {
        self.end.view.close();
    }
}

impl<T: ShmSafe> fmt::Debug for Producer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Producer({:?})", self.end.view.ring())
    }
}

impl<T: ShmSafe> fmt::Debug for Consumer<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Consumer({:?})", self.end.view.ring())
    }
}
