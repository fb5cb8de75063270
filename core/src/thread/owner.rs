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

    /// The first bit of the start time in [`to_word`](Self::to_word).
    const START: u32 = Self::PID_BITS + 2;

    /// The two bits that are 0 in every [`to_word`](Self::to_word), for whoever
    /// stores an owner and a little more in one word.
    ///
    /// They are among the lowest 32: those are what a process can sleep on.
    pub const SPARE_BITS: usize = 0b11 << Self::PID_BITS;

    /// The owner in one word, never 0: what locks store.
    ///
    /// | bits | field |
    /// |---|---|
    /// | 0–21 | process id |
    /// | 22–23 | 0 |
    /// | 24– | `start`, its lowest bits (40 on 64-bit machines, 8 on 32-bit) |
    #[must_use]
    pub const fn to_word(self) -> usize {
        (self.pid as usize & ((1 << Self::PID_BITS) - 1)) | (self.start as usize) << Self::START
    }

    /// The owner whose [`to_word`](Self::to_word) is `word`, but for the
    /// [spare bits](Self::SPARE_BITS).
    ///
    /// Only the lowest bits of `start` come back: compare words, not owners.
    #[must_use]
    pub const fn from_word(word: usize) -> Self {
        Self {
            pid: (word & ((1 << Self::PID_BITS) - 1)) as u32,
            start: (word >> Self::START) as u64,
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

    /// Whether somebody may end in the midst of a call and others go on.
    ///
    /// If not, nobody looks for what only a death leaves behind. When in doubt the answer is
    /// yes.
    fn may_die(&self) -> bool {
        true
    }
}
