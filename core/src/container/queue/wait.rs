//! Trying, and trying again: what all ends of queues have in common.
//!
//! An end tries once. Who meets a slot in use looks some hundred times whether its
//! user gets on, and asks then whether that lives.

#[cfg(feature = "async")]
use core::task::{Context, Poll};
use core::time::Duration;

use super::super::ContainerError;
use super::block::{End, View};
use super::{PopError, PushError};
use crate::sync::ring::{Blocked, Busy};
use crate::sync::{Atomics, Native, Patience};
#[cfg(feature = "async")]
use crate::thread::Watch;

/// Looks before a thread sleeps, or asks whether another one lives: others push and
/// pop within some hundred nanoseconds.
const LOOKS: u32 = 128;

/// How many slots in use one try meets before it takes the queue for full or empty.
const MEETINGS: u32 = 64;

/// Why a try came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Not {
    /// The queue is full, or empty.
    Yet,
    /// The same, as long as somebody does not get on who is at work.
    Busy,
    Closed,
    Crowded,
    /// The end is another process's.
    Foreign,
    Heap(ContainerError),
}

impl Not {
    pub(super) fn pushed<T>(self, value: T) -> PushError<T> {
        match self {
            Self::Yet | Self::Busy => PushError::Full(value),
            Self::Closed => PushError::Closed(value),
            Self::Crowded => PushError::Crowded(value),
            Self::Foreign => PushError::Foreign(value),
            Self::Heap(error) => PushError::Heap(error, value),
        }
    }

    pub(super) fn popped(self) -> PopError {
        match self {
            Self::Yet | Self::Busy => PopError::Empty,
            Self::Closed => PopError::Closed,
            Self::Crowded => PopError::Crowded,
            Self::Foreign => PopError::Foreign,
            Self::Heap(error) => PopError::Heap(error),
        }
    }
}

impl From<ContainerError> for Not {
    fn from(error: ContainerError) -> Self {
        Self::Heap(error)
    }
}

impl<T> View<'_, T> {
    /// Has a slot claimed, waiting for those who are at work for as long as they
    /// take, or passing over the dead.
    #[inline]
    pub(super) fn claim<R>(&self, mut claim: impl FnMut() -> Result<R, Blocked>) -> Result<R, Not> {
        for _ in 0..MEETINGS {
            match claim() {
                Ok(claimed) => return Ok(claimed),
                Err(Blocked::Busy(busy)) if self.is_past(busy) => {}
                Err(Blocked::Busy(_)) => return Err(Not::Busy),
                Err(Blocked::Idle) => return Err(Not::Yet),
                Err(Blocked::Closed) => return Err(Not::Closed),
                Err(Blocked::Crowded) => return Err(Not::Crowded),
                Err(Blocked::Damaged) => return Err(Not::Heap(ContainerError::Corrupt)),
            }
        }
        Err(Not::Yet)
    }

    /// Whether the one at work has got on, or was dead.
    #[cold]
    fn is_past(&self, busy: Busy) -> bool {
        let ring = self.ring();
        let gets_on = |_| {
            Native::spin_hint();
            ring.has_got_on(busy)
        };
        (0..LOOKS).any(gets_on) || ring.strike_out(busy, self.heap.model())
    }

    /// Tries until it comes to something, or `most` is over; between tries waits for
    /// what `other` announces.
    pub(super) fn until<R>(
        &self,
        other: &End,
        most: Option<Duration>,
        mut attempt: impl FnMut() -> Result<R, Not>,
    ) -> Result<R, Not> {
        for _ in 0..LOOKS {
            match attempt() {
                Err(Not::Yet) => Native::spin_hint(),
                Err(Not::Busy) => break,
                come_to => return come_to,
            }
        }
        let model = self.heap.model();
        let mut patience = most.map_or(Patience::Endless, |most| Patience::of(most, model));
        let look = || come_to(attempt());
        other.signal().wait_for(&mut patience, model, look).unwrap_or(Err(Not::Yet))
    }

    /// Tries; has the task woken by what `other` announces where it came to nothing.
    #[cfg(feature = "async")]
    pub(super) fn poll<R>(
        &self,
        other: &End,
        watch: &mut Option<Watch>,
        cx: &Context<'_>,
        mut attempt: impl FnMut() -> Result<R, Not>,
    ) -> Poll<Result<R, Not>> {
        other.signal().poll_for(watch, self.heap.model(), cx, || come_to(attempt()))
    }

    /// Tells those at the other end that `count` values or places are there.
    #[inline]
    pub(super) fn announce(&self, own: &End, count: usize) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        own.signal().announce(count, self.heap.model());
    }

    /// Closes the queue, and wakes all who sleep.
    pub(super) fn close(&self) {
        self.ring().close();
        self.announce(&self.front.tail, usize::MAX);
        self.announce(&self.front.head, usize::MAX);
    }
}

/// What a try came to, if to anything.
fn come_to<R>(tried: Result<R, Not>) -> Option<Result<R, Not>> {
    match tried {
        Err(Not::Yet | Not::Busy) => None,
        come_to => Some(come_to),
    }
}
