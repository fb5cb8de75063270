//! Waiting for messages without a thread of one's own.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll};

use super::super::ShmSafe;
use super::topic::{Payload, Received, Receiver};
use super::{ByteMessage, MessageError, ReservedBytes, ShmByteRing, ShmQueue};
use crate::thread::Watch;

/// Takes the first value of a [`ShmQueue`], once there is one.
///
/// Dropped before it is ready, it has taken none.
#[must_use = "futures do nothing unless they are polled"]
pub struct PopFuture<'q, T: ShmSafe> {
    queue: &'q ShmQueue<T>,
    watch: Option<Watch>,
}

/// Receives the next message of a [`ShmTopic`](super::ShmTopic), once there is one.
///
/// Dropped before it is ready, it has received none.
#[must_use = "futures do nothing unless they are polled"]
pub struct ReceiveFuture<'r, M: Payload + ?Sized> {
    receiver: &'r Receiver<'r, M>,
    watch: Option<Watch>,
}

/// Reserves room for a message of an [`ShmByteRing`], once there is some.
///
/// Dropped before it is ready, it has reserved none.
#[must_use = "futures do nothing unless they are polled"]
pub struct ReserveFuture<'r> {
    ring: &'r ShmByteRing,
    len: usize,
    watch: Option<Watch>,
}

/// Reads the next message of an [`ShmByteRing`], once there is one and nobody else
/// reads.
///
/// Dropped before it is ready, it has read none.
#[must_use = "futures do nothing unless they are polled"]
pub struct ReadFuture<'r> {
    ring: &'r ShmByteRing,
    watch: Option<Watch>,
}

impl<'q, T: ShmSafe> PopFuture<'q, T> {
    pub(super) const fn new(queue: &'q ShmQueue<T>) -> Self {
        Self { queue, watch: None }
    }
}

impl<'r, M: Payload + ?Sized> ReceiveFuture<'r, M> {
    pub(super) const fn new(receiver: &'r Receiver<'r, M>) -> Self {
        Self { receiver, watch: None }
    }
}

impl<'r> ReserveFuture<'r> {
    pub(super) const fn new(ring: &'r ShmByteRing, len: usize) -> Self {
        Self { ring, len, watch: None }
    }
}

impl<'r> ReadFuture<'r> {
    pub(super) const fn new(ring: &'r ShmByteRing) -> Self {
        Self { ring, watch: None }
    }
}

impl<T: ShmSafe> Future for PopFuture<'_, T> {
    type Output = Result<T, MessageError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.queue.poll_pop(&mut self.watch, cx)
    }
}

impl<'r, M: Payload + ?Sized> Future for ReceiveFuture<'r, M> {
    type Output = Result<Received<'r, M>, MessageError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.receiver.poll_receive(&mut self.watch, cx)
    }
}

impl<'r> Future for ReserveFuture<'r> {
    type Output = Result<ReservedBytes<'r>, MessageError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.ring.poll_reserve(self.len, &mut self.watch, cx)
    }
}

impl<'r> Future for ReadFuture<'r> {
    type Output = Result<ByteMessage<'r>, MessageError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.ring.poll_read(&mut self.watch, cx)
    }
}

impl<T: ShmSafe> fmt::Debug for PopFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PopFuture({:?})", self.watch)
    }
}

impl<M: Payload + ?Sized> fmt::Debug for ReceiveFuture<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiveFuture({:?})", self.watch)
    }
}

impl fmt::Debug for ReserveFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReserveFuture({} bytes, {:?})", self.len, self.watch)
    }
}

impl fmt::Debug for ReadFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReadFuture({:?})", self.watch)
    }
}
