//! Waiting for a queue without a thread of one's own.
//!
//! A future looks when it is polled, and has its task woken by what the other end
//! announces, as a thread would be. It needs no executor in particular.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use super::super::ShmSafe;
use super::block::Block;
use super::ends::{Own, Put, Shared, Take};
use super::wait::Not;
use super::{PopError, PushError};
use crate::thread::Watch;

/// The end that a future is at.
pub(super) enum At<'q, T: ShmSafe> {
    /// One that anybody uses.
    Shared(&'q Block<T>),
    /// One with one user.
    Own(&'q Own<'q, T>),
}

/// Takes the next value out of a queue, once there is one.
///
/// Dropped before it is ready, it has taken none.
#[must_use = "futures do nothing unless they are polled"]
pub struct PopFuture<'q, T: ShmSafe> {
    at: At<'q, T>,
    watch: Option<Watch>,
}

/// Puts a value into a queue, once there is room.
///
/// Dropped before it is ready, it has put none in, and drops the value.
#[must_use = "futures do nothing unless they are polled"]
pub struct PushFuture<'q, T: ShmSafe> {
    at: At<'q, T>,
    value: Option<T>,
    watch: Option<Watch>,
}

impl<'q, T: ShmSafe> PopFuture<'q, T> {
    pub(super) const fn new(at: At<'q, T>) -> Self {
        Self { at, watch: None }
    }
}

impl<'q, T: ShmSafe> PushFuture<'q, T> {
    pub(super) const fn new(at: At<'q, T>, value: T) -> Self {
        Self { at, value: Some(value), watch: None }
    }

    fn poll_at(&mut self, cx: &Context<'_>) -> Poll<Result<(), Not>> {
        let (value, watch) = (&mut self.value, &mut self.watch);
        match self.at {
            At::Shared(block) => Shared(block.open()?).poll_push(value, watch, cx),
            At::Own(end) => end.poll_push(value, watch, cx),
        }
    }
}

// A value is moved in and out, and nothing points to it.
impl<T: ShmSafe> Unpin for PushFuture<'_, T> {}

impl<T: ShmSafe> Future for PopFuture<'_, T> {
    type Output = Result<T, PopError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = match self.at {
            At::Shared(block) => Shared(block.open()?).poll_pop(&mut self.watch, cx),
            At::Own(end) => end.poll_pop(&mut self.watch, cx),
        };
        polled.map_err(Not::popped)
    }
}

impl<T: ShmSafe> Future for PushFuture<'_, T> {
    type Output = Result<(), PushError<T>>;

    /// Ready at once where the value was put in before.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.value.is_none() {
            return Poll::Ready(Ok(()));
        }
        let put = ready!(self.poll_at(cx));
        Poll::Ready(super::ends::finish(put, self.value.take()))
    }
}

impl<T: ShmSafe> fmt::Debug for PopFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PopFuture({:?})", self.watch)
    }
}

impl<T: ShmSafe> fmt::Debug for PushFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PushFuture({:?})", self.watch)
    }
}
