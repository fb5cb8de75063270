//! Why a value was not put in, or none came out.

use core::fmt;

use super::super::ContainerError;
use super::SEATS;
use crate::thread::Owner;

/// Why a value was not put in; it comes back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PushError<T> {
    /// There is no room, or was none until the time was over.
    Full(T),
    /// The queue was closed.
    Closed(T),
    /// More processes use the queue than can.
    Crowded(T),
    /// The end is that of the parent of this process.
    Foreign(T),
    /// The queue's heap is not attached or read-only, or the queue is damaged.
    Heap(ContainerError, T),
}

impl<T> PushError<T> {
    /// The value.
    #[must_use]
    pub fn into_value(self) -> T {
        match self {
            Self::Full(value)
            | Self::Closed(value)
            | Self::Crowded(value)
            | Self::Foreign(value)
            | Self::Heap(_, value) => value,
        }
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the queue is full"),
            Self::Closed(_) => f.write_str("the queue is closed"),
            Self::Crowded(_) => crowded(f),
            Self::Foreign(_) => f.write_str(FOREIGN),
            Self::Heap(error, _) => error.fmt(f),
        }
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::Closed(_) => f.write_str("Closed(..)"),
            Self::Crowded(_) => f.write_str("Crowded(..)"),
            Self::Foreign(_) => f.write_str("Foreign(..)"),
            Self::Heap(error, _) => write!(f, "Heap({error:?}, ..)"),
        }
    }
}

impl<T> core::error::Error for PushError<T> {}

/// Why no value came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PopError {
    /// There is none, or was none until the time was over.
    Empty,
    /// The queue was closed, and none will come any more.
    Closed,
    /// More processes use the queue than can.
    Crowded,
    /// The end is that of the parent of this process.
    Foreign,
    /// The queue's heap is not attached or read-only, or the queue is damaged.
    Heap(ContainerError),
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the queue is empty"),
            Self::Closed => f.write_str("the queue is closed and empty"),
            Self::Crowded => crowded(f),
            Self::Foreign => f.write_str(FOREIGN),
            Self::Heap(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for PopError {}

impl From<ContainerError> for PopError {
    fn from(error: ContainerError) -> Self {
        Self::Heap(error)
    }
}

/// Why an end of a queue was not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndError {
    /// Somebody has it: this process, if its word tells.
    Taken(Option<Owner>),
    /// The queue's heap is not attached or read-only, or the queue is damaged.
    Heap(ContainerError),
}

impl fmt::Display for EndError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(Some(owner)) => write!(f, "{owner} has this end of the queue"),
            Self::Taken(None) => f.write_str("somebody has this end of the queue"),
            Self::Heap(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for EndError {}

impl From<ContainerError> for EndError {
    fn from(error: ContainerError) -> Self {
        Self::Heap(error)
    }
}

fn crowded(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "more than {SEATS} processes use the queue")
}

const FOREIGN: &str = "the end of the queue is another process's: ask for it in this one";
