//! The words of locks as fields of structures that live in a segment.

use core::fmt;

use super::atomic::AtomicUsize;
use super::{FairLock, READERS, SharedLock};

/// A fair lock's words as a field of a structure that lives in a segment.
///
/// All zero bytes are a free lock.
#[derive(Default)]
#[repr(C)]
pub struct FairWords {
    word: AtomicUsize,
    line: AtomicUsize,
    passes: AtomicUsize,
}

impl FairWords {
    /// A free lock.
    #[must_use]
    pub const fn new() -> Self {
        Self { word: AtomicUsize::new(0), line: AtomicUsize::new(0), passes: AtomicUsize::new(0) }
    }

    /// The protocol over these words.
    #[must_use]
    #[inline]
    pub const fn fair(&self) -> FairLock<'_> {
        FairLock::new(&self.word, &self.line, &self.passes)
    }
}

impl fmt::Debug for FairWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fair().fmt(f)
    }
}

/// A shared lock's words as a field of a structure that lives in a segment.
///
/// All zero bytes are a lock that nobody has.
#[derive(Default)]
#[repr(C)]
pub struct SharedWords {
    gate: FairWords,
    state: AtomicUsize,
    names: [AtomicUsize; READERS],
}

impl SharedWords {
    /// A lock that nobody has.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            gate: FairWords::new(),
            state: AtomicUsize::new(0),
            names: [const { AtomicUsize::new(0) }; READERS],
        }
    }

    /// The protocol over these words.
    #[must_use]
    #[inline]
    pub const fn shared(&self) -> SharedLock<'_> {
        SharedLock::new(self.gate.fair(), &self.state, &self.names)
    }
}

impl fmt::Debug for SharedWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared().fmt(f)
    }
}
