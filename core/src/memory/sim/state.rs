//! What a simulated memory has counted, and what it is to fail at.

use crate::memory::MemoryError;

/// What a [`SimMemory`](super::SimMemory) has done.
///
/// Operations that failed count as well, but not their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SimCounts {
    /// Blocks that are allocated.
    pub live: usize,
    /// Copies from the processor's memory.
    pub copies_to: u64,
    /// Copies to the processor's memory.
    pub copies_from: u64,
    /// Copies from other memories directly, and within this one.
    pub copies_peer: u64,
    /// Fills.
    pub fills: u64,
    /// Bytes that came from the processor's memory.
    pub bytes_to: u64,
    /// Bytes that went to the processor's memory.
    pub bytes_from: u64,
    /// Bytes that came directly from other memories, or from this one.
    pub bytes_peer: u64,
    /// Calls of [`flush`](crate::memory::Memory::flush).
    pub flushes: u64,
}

impl SimCounts {
    /// Bytes that were copied, all ways together.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes_to + self.bytes_from + self.bytes_peer
    }

    /// Copies, all ways together.
    #[must_use]
    pub const fn copies(&self) -> u64 {
        self.copies_to + self.copies_from + self.copies_peer
    }
}

/// What may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Allocate,
    CopyTo,
    CopyFrom,
    Peer,
    Fill,
}

/// The counts, and which operations are to fail: `failing` of them, once `after` others
/// have been done.
#[derive(Debug)]
pub(super) struct State {
    pub(super) counts: SimCounts,
    after: u64,
    failing: u64,
}

/// The number of the failures that a simulated memory was told to have.
pub(super) const FAULT: i32 = -1;

impl State {
    pub(super) fn new() -> Self {
        Self { counts: SimCounts::default(), after: 0, failing: 0 }
    }

    pub(super) fn fail(&mut self, nth: u64, failing: u64) {
        self.after = nth.saturating_sub(1);
        self.failing = failing;
    }

    /// Counts an operation, and says whether it succeeds.
    pub(super) fn begin(&mut self, operation: Operation, len: usize) -> Result<(), MemoryError> {
        let fails = self.after == 0 && self.failing > 0;
        self.failing = self.failing.saturating_sub(u64::from(fails));
        self.after = self.after.saturating_sub(1);
        self.count(operation, if fails { 0 } else { len as u64 });
        match operation {
            _ if !fails => Ok(()),
            Operation::Allocate => Err(MemoryError::OutOfMemory { requested: len }),
            _ => Err(MemoryError::Backend { code: FAULT }),
        }
    }

    fn count(&mut self, operation: Operation, len: u64) {
        let counts = &mut self.counts;
        let (times, bytes) = match operation {
            Operation::CopyTo => (&mut counts.copies_to, &mut counts.bytes_to),
            Operation::CopyFrom => (&mut counts.copies_from, &mut counts.bytes_from),
            Operation::Peer => (&mut counts.copies_peer, &mut counts.bytes_peer),
            Operation::Fill => return counts.fills += 1,
            Operation::Allocate => return,
        };
        *times += 1;
        *bytes += len;
    }
}
