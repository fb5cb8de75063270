//! Why a message was not sent or received.

use core::fmt;

use super::super::ContainerError;
use crate::allocator::AllocError;
use crate::sync::Refusal;
use crate::thread::Owner;

/// Why a message was not sent or received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageError {
    /// There is no room at present.
    Full,
    /// There is no message at present.
    Empty,
    /// It was closed: nothing more is sent, and all that was sent was received.
    Closed,
    /// The time is over.
    TimedOut,
    /// Somebody else receives at present.
    Busy,
    /// There is never room for so much.
    TooLarge {
        /// The length of the message.
        len: usize,
        /// The length of the longest one.
        most: usize,
    },
    /// The heap gave no block, is not attached or read-only, or something in it is
    /// damaged, or [kept](ContainerError::Busy).
    Heap(ContainerError),
}

impl MessageError {
    /// That `holder` keeps a lock.
    pub(super) const fn kept_by(holder: Owner) -> Self {
        Self::Heap(ContainerError::kept_by(holder))
    }

    pub(super) fn refused(refusal: Refusal, len: usize, most: usize) -> Self {
        match refusal {
            Refusal::Full => Self::Full,
            Refusal::Closed => Self::Closed,
            Refusal::TooLarge => Self::TooLarge { len, most },
            Refusal::Busy(holder) => Self::kept_by(holder),
        }
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("there is no room for the message: receive some first"),
            Self::Empty => f.write_str("there is no message"),
            Self::Closed => f.write_str("it was closed: no more messages come"),
            Self::TimedOut => f.write_str("the time was over first"),
            Self::Busy => f.write_str("somebody else receives at present"),
            Self::TooLarge { len, most } => {
                write!(f, "a message of {len} bytes is too large: {most} are the most")
            }
            Self::Heap(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for MessageError {}

impl From<ContainerError> for MessageError {
    fn from(error: ContainerError) -> Self {
        Self::Heap(error)
    }
}

impl From<AllocError> for MessageError {
    fn from(error: AllocError) -> Self {
        Self::Heap(error.into())
    }
}
