//! Who owns something in a segment, and whether it still lives.

use core::fmt;

/// A process, named so that a reused process id is told apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Owner {
    /// The process id; below 2²² as on Linux.
    pub pid: u32,
    /// Tells the process from others that have the same id, at other times or
    /// elsewhere; 0 if not known. On Linux it follows from the start time, the
    /// boot and the PID namespace.
    pub start: u64,
}

impl Owner {
    /// The only owner there is without an operating system.
    pub const BARE: Self = Self { pid: 1, start: 0 };

    /// Bits of the process id in [`to_word`](Self::to_word).
    const PID_BITS: u32 = 22;

    /// The owner in one word, never 0: what locks store.
    ///
    /// | bits | field |
    /// |---|---|
    /// | 0–21 | process id |
    /// | 22– | `start`, its lowest bits (42 on 64-bit machines, 10 on 32-bit) |
    #[must_use]
    pub const fn to_word(self) -> usize {
        (self.pid as usize & ((1 << Self::PID_BITS) - 1)) | (self.start as usize) << Self::PID_BITS
    }

    /// The owner whose [`to_word`](Self::to_word) is `word`.
    ///
    /// Only the lowest bits of `start` come back: compare words, not owners.
    #[must_use]
    pub const fn from_word(word: usize) -> Self {
        Self {
            pid: (word & ((1 << Self::PID_BITS) - 1)) as u32,
            start: (word >> Self::PID_BITS) as u64,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid)
    }
}

/// Tells whether an owner still lives.
///
/// A zombie is dead, and so is a process whose id another one has now.
pub trait Liveness {
    /// Whether `owner` may still act on the segment.
    ///
    /// When in doubt the answer is yes: memory of the dead comes back later,
    /// memory taken from the living is lost.
    fn is_alive(&self, owner: Owner) -> bool;
}
