//! What came of a kernel.

use anymem_core::container::{ContainerError, PushError};

use crate::GpuError;

/// What a kernel computed, of how many elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// What it computed; sums wrap.
    pub value: u64,
    /// How many elements that took.
    pub count: u64,
}

/// Why a kernel did not do what it was asked for.
///
/// What it found wrong in the heap it has not touched: no thread uses an address outside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// The device or its driver failed.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The heap is not attached, full or read-only, or a value in it is damaged.
    #[error(transparent)]
    Heap(#[from] ContainerError),
    /// The heap is not registered with the device.
    #[error("the heap is not registered with the device: make a RegisteredHeap of it")]
    NotRegistered,
    /// A value is not in the heap.
    #[error("the value is not in the heap that the kernel was given: put it into a box or a root")]
    NotInHeap,
    /// An offset leads out of the heap, or to its first byte.
    #[error("the offset {at:#x} does not lead into the heap")]
    OutOfHeap {
        /// The offset.
        at: u64,
    },
    /// An offset that is no multiple of 8.
    #[error("the offset {at:#x} is no multiple of 8")]
    Misaligned {
        /// The offset.
        at: u64,
    },
    /// A list has more nodes than it says, or than there can be: it leads back into itself.
    #[error("the list does not end: one node too many at {at:#x}")]
    Endless {
        /// The offset of the node that is too many.
        at: u64,
    },
    /// Words of a value contradict each other, or it is being changed.
    #[error("the value at {at:#x} is damaged, or is being changed")]
    Damaged {
        /// Its offset.
        at: u64,
    },
    /// There was no room for all.
    #[error("there was room for {done} only")]
    Full {
        /// How many were put in.
        done: u64,
    },
    /// The queue was closed.
    #[error("the queue was closed after {done}")]
    Closed {
        /// How many were put in.
        done: u64,
    },
    /// More processes push into the queue than can.
    #[error("more processes use the queue than can")]
    Crowded,
    /// The report of the kernel is none: it has not run, or something else wrote to it.
    #[error("the kernel reported {code}, which means nothing")]
    Unknown {
        /// What stood there.
        code: u64,
    },
}

impl From<PushError<()>> for KernelError {
    fn from(error: PushError<()>) -> Self {
        match error {
            PushError::Heap(error, ()) => Self::Heap(error),
            PushError::Closed(()) => Self::Closed { done: 0 },
            PushError::Full(()) => Self::Full { done: 0 },
            PushError::Crowded(()) | PushError::Foreign(()) => Self::Crowded,
        }
    }
}

/// Words of a report: why it stopped, where, what it computed, of how many elements.
pub(super) type Report = [u64; 4];

/// A report that none has been made for.
pub(super) const UNKNOWN: Report = [u64::MAX; 4];

/// What a report says.
pub(super) fn read([why, at, value, count]: Report) -> Result<Outcome, KernelError> {
    Err(match why {
        0 => return Ok(Outcome { value, count }),
        1 => KernelError::OutOfHeap { at },
        2 => KernelError::Misaligned { at },
        3 => KernelError::Endless { at },
        4 => KernelError::Damaged { at },
        5 => KernelError::Full { done: count },
        6 => KernelError::Closed { done: count },
        code => KernelError::Unknown { code },
    })
}
