//! The owner word: one word a slab that says whose it is and what it holds.
//!
//! | field | bits (64-bit) | bits (32-bit) | meaning |
//! |---|---|---|---|
//! | class | 0–6 | 0–6 | size class of a run; meaningless in other states |
//! | state | 7–9 | 7–9 | [`SlabState`] |
//! | slot | 10–25 | 10–19 | the heap slot that owns it, or [`SHARED`] |
//! | version | 26–63 | 20–31 | counts releases, so that a stale word never compares equal |
//!
//! ```text
//!          claim            publish
//!  FREE ──────────▶ FORMING ───────▶ RUN / SPAN / TAIL
//!   ▲                  │ roll back          │ dismantle
//!   └──────────────────┴────────────────────┘
//!                          FREEING
//! ```
//!
//! A zero word is a free slab, so fresh memory is a table of free slabs.

/// The slot number of slabs that belong to no slot: their blocks are taken and
/// freed by anyone, atomically.
pub const SHARED: usize = SLOT_MASK;

const CLASS_MASK: usize = 0x7f;
const STATE_SHIFT: u32 = 7;
const STATE_MASK: usize = 0b111;
const SLOT_SHIFT: u32 = 10;
const SLOT_MASK: usize = if usize::BITS == 64 { 0xffff } else { 0x3ff };
const VERSION_SHIFT: u32 = if usize::BITS == 64 { 26 } else { 20 };

/// How many bits the state and the class take together.
pub const KIND_BITS: u32 = 10;

/// What a slab is in use for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlabState {
    /// Nothing.
    Free,
    /// Claimed, and being made into something else by the slot that is named.
    Forming,
    /// The first slab of a run that is cut into blocks of a class.
    Run,
    /// The first slab of a large block.
    Span,
    /// A further slab of a run or large block.
    Tail,
    /// The first slab of a large block that is being freed by the slot named.
    Freeing,
    /// No state that this program knows: the word is damaged.
    Damaged,
}

/// An unpacked owner word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerWord {
    /// What the slab is in use for.
    pub state: SlabState,
    /// The size class of a run.
    pub class: usize,
    /// The heap slot that owns the slab.
    pub slot: usize,
    /// Counts releases; wraps.
    pub version: usize,
}

impl OwnerWord {
    /// A slab that was never used.
    pub const FREE: Self = Self { state: SlabState::Free, class: 0, slot: 0, version: 0 };

    /// Unpacks a word.
    #[must_use]
    #[inline]
    pub const fn from_bits(bits: usize) -> Self {
        let state = match bits >> STATE_SHIFT & STATE_MASK {
            0 => SlabState::Free,
            1 => SlabState::Forming,
            2 => SlabState::Run,
            3 => SlabState::Span,
            5 => SlabState::Freeing,
            6 => SlabState::Tail,
            _ => SlabState::Damaged,
        };
        Self {
            state,
            class: bits & CLASS_MASK,
            slot: bits >> SLOT_SHIFT & SLOT_MASK,
            version: bits >> VERSION_SHIFT,
        }
    }

    /// Packs a word.
    #[must_use]
    #[inline]
    pub const fn into_bits(self) -> usize {
        let state = match self.state {
            SlabState::Free => 0,
            SlabState::Forming => 1,
            SlabState::Run => 2,
            SlabState::Span => 3,
            SlabState::Freeing => 5,
            SlabState::Tail => 6,
            SlabState::Damaged => 7,
        };
        self.class & CLASS_MASK
            | state << STATE_SHIFT
            | (self.slot & SLOT_MASK) << SLOT_SHIFT
            | self.version << VERSION_SHIFT
    }

    /// The same slab in another state.
    #[must_use]
    pub const fn with_state(self, state: SlabState) -> Self {
        Self { state, ..self }
    }

    /// The same slab, taken by `slot` for blocks of `class`.
    #[must_use]
    pub const fn claimed(self, slot: usize, class: usize) -> Self {
        Self { state: SlabState::Forming, class, slot, version: self.version }
    }

    /// The same slab, free, its version moved on.
    #[must_use]
    pub const fn freed(self) -> Self {
        Self { state: SlabState::Free, class: 0, slot: 0, version: self.version.wrapping_add(1) }
    }

    /// The state and the class in a word, as one number of [`KIND_BITS`] bits.
    #[must_use]
    #[inline]
    pub const fn kind_in(bits: usize) -> usize {
        bits & ((1 << KIND_BITS) - 1)
    }

    /// The class in a word of a run, or of a further slab of one: what is to be
    /// known of a slab before one of its blocks is freed. A further slab of a
    /// large block has a class as well, but no block.
    #[must_use]
    #[inline]
    pub const fn run_class(bits: usize) -> Option<usize> {
        match Self::from_bits(bits).state {
            SlabState::Run | SlabState::Tail => Some(bits & CLASS_MASK),
            _ => None,
        }
    }

    /// The slot in a word: of a run, its owner; of a further slab, who claimed
    /// it.
    #[must_use]
    #[inline]
    pub const fn slot_in(bits: usize) -> usize {
        bits >> SLOT_SHIFT & SLOT_MASK
    }

    /// Whether a word is that of a slab in use.
    #[must_use]
    #[inline]
    pub const fn is_used(bits: usize) -> bool {
        bits & STATE_MASK << STATE_SHIFT != Self::FREE.into_bits()
    }

    /// Whether a word is that of the first slab of a run that is nobody's.
    #[must_use]
    #[inline]
    pub const fn is_shared_run(bits: usize) -> bool {
        const SHARED_RUN: OwnerWord =
            OwnerWord { state: SlabState::Run, slot: SHARED, ..OwnerWord::FREE };
        bits & (STATE_MASK << STATE_SHIFT | SLOT_MASK << SLOT_SHIFT) == SHARED_RUN.into_bits()
    }

    /// Whether this is the head of a run that `slot` owns.
    #[must_use]
    #[inline]
    pub fn is_run_of(self, slot: usize) -> bool {
        self.slot == slot && self.state == SlabState::Run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_packing() {
        for state in [SlabState::Free, SlabState::Run, SlabState::Span, SlabState::Tail] {
            let word = OwnerWord { state, class: 79, slot: SHARED, version: 3 };
            assert_eq!(OwnerWord::from_bits(word.into_bits()), word);
        }
        assert_eq!(OwnerWord::FREE.into_bits(), 0);
        assert_eq!(OwnerWord::from_bits(4 << STATE_SHIFT).state, SlabState::Damaged);
    }

    #[test]
    fn the_class_is_found_without_unpacking() {
        use SlabState::{Damaged, Forming, Free, Freeing, Run, Span, Tail};
        for state in [Free, Forming, Run, Span, Tail, Freeing, Damaged] {
            let word = OwnerWord { state, class: 42, slot: 5, version: 9 };
            let class = matches!(state, Run | Tail).then_some(42);
            assert_eq!(OwnerWord::run_class(word.into_bits()), class, "{state:?}");
            assert_eq!(OwnerWord::run_class(OwnerWord::kind_in(word.into_bits())), class);
            assert_eq!(OwnerWord::is_used(word.into_bits()), state != Free, "{state:?}");
            for slot in [5, SHARED] {
                let shared = OwnerWord { slot, ..word }.is_run_of(SHARED);
                let word = OwnerWord { slot, ..word }.into_bits();
                assert_eq!(OwnerWord::is_shared_run(word), shared, "{state:?}");
            }
        }
    }
}
