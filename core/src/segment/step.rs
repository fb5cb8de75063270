//! What a slot's holder has begun: its journal.
//!
//! A step is written down before its first store and struck out after its last.
//! Whoever recovers the slot of a dead holder finishes the step or takes it
//! back; each kind says how that can be told.

use super::geometry::WORD;
use crate::offset::Offset;
use crate::sync::atomic::{Ordering, compiler_fence};
use crate::sync::{Arena, AtomicInt, Atomics};

const KIND_BITS: u32 = 3;
const KINDS: usize = (1 << KIND_BITS) - 1;
const REMOTE_FREE: usize = 3;

/// A step that spans more than one word, as the journal holds it.
///
/// | word | field |
/// |---|---|
/// | 0 | bits 0–2 the kind, above them `a` |
/// | 1 | `b` |
/// | 2 | `c` |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is under way.
    None,
    /// Slabs `first..first + count` are claimed or released.
    Slabs {
        /// The first slab.
        first: usize,
        /// How many.
        count: usize,
    },
    /// Slabs `first..first + count` are added to or cut off the large block at
    /// slab `head`.
    Resize {
        /// Where the block starts.
        head: usize,
        /// The first slab that changes.
        first: usize,
        /// How many.
        count: usize,
    },
    /// The blocks `mask` of a bitmap word are freed in another slot's slab.
    RemoteFree {
        /// Slab number times words a bitmap, plus the word's number.
        word: usize,
        /// The blocks.
        mask: usize,
    },
    /// The entries `from..count` of a magazine move to its start.
    Compact {
        /// The class whose magazine it is.
        class: usize,
        /// The first entry that stays.
        from: usize,
        /// How many entries there were.
        count: usize,
    },
}

impl Step {
    fn into_words(self) -> [usize; 3] {
        let (kind, a, b, c) = match self {
            Self::None => (0, 0, 0, 0),
            Self::Slabs { first, count } => (1, first, count, 0),
            Self::Resize { head, first, count } => (2, head, first, count),
            Self::RemoteFree { word, mask } => (REMOTE_FREE, word, mask, 0),
            Self::Compact { class, from, count } => (4, class, from, count),
        };
        [kind | a << KIND_BITS, b, c]
    }

    fn from_words([first, b, c]: [usize; 3]) -> Self {
        let a = first >> KIND_BITS;
        match first & KINDS {
            1 => Self::Slabs { first: a, count: b },
            2 => Self::Resize { head: a, first: b, count: c },
            REMOTE_FREE => Self::RemoteFree { word: a, mask: b },
            4 => Self::Compact { class: a, from: b, count: c },
            _ => Self::None,
        }
    }
}

/// The journal of one slot.
#[derive(Debug, Clone, Copy)]
pub struct StepRecord<'a, M: Arena> {
    arena: &'a M,
    at: Offset,
}

impl<'a, M: Arena> StepRecord<'a, M> {
    /// The journal whose three words start at `at`.
    #[inline]
    pub const fn new(arena: &'a M, at: Offset) -> Self {
        Self { arena, at }
    }

    #[inline]
    fn word(&self, index: usize) -> &'a <M::A as Atomics>::Word {
        self.arena.word(self.at.add(index * WORD))
    }

    /// What is under way, or was when the holder died.
    #[must_use]
    pub fn read(&self) -> Step {
        Step::from_words([0, 1, 2].map(|word| self.word(word).load(Ordering::Relaxed)))
    }

    /// Writes a step down before it is begun.
    #[inline]
    pub fn begin(&self, step: Step) {
        let [first, second, third] = step.into_words();
        self.word(1).store(second, Ordering::Relaxed);
        self.word(2).store(third, Ordering::Relaxed);
        // Release: pairs with the Acquire in `remote_free`.
        self.word(0).store(first, Ordering::Release);
        // A death makes all stores before it visible, in program order: it is
        // the compiler that must not move the step before its journal.
        compiler_fence(Ordering::SeqCst);
    }

    /// Notes that the step is complete.
    #[inline]
    pub fn end(&self) {
        compiler_fence(Ordering::SeqCst);
        self.word(0).store(0, Ordering::Release);
    }

    /// The bitmap word and the blocks of a remote free that is under way, for
    /// another thread than the holder's.
    #[must_use]
    #[inline]
    pub fn remote_free(&self) -> Option<(usize, usize)> {
        // Acquire: the mask is at least as new, and so is what comes after it.
        let first = self.word(0).load(Ordering::Acquire);
        if first & KINDS != REMOTE_FREE {
            return None;
        }
        let mask = self.word(1).load(Ordering::Acquire);
        // Another step by now: the one that was seen is complete.
        let is_same = self.word(0).load(Ordering::Relaxed) == first;
        is_same.then_some((first >> KIND_BITS, mask))
    }
}
