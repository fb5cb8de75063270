//! What a slot of a ring holds, in one word.
//!
//! | bits | field |
//! |---|---|
//! | 0–2 | what it holds: nothing, a value, … ([`Holds`]) |
//! | 3–9 | the seat of who writes or reads; else 0 |
//! | 10– | the lap: how often the ring had gone round |
//!
//! All zero bits are an empty slot of the first lap. A lap comes back after 2⁵⁴
//! rounds, on 32-bit machines after 2²².

/// Bits of a seat's number.
pub(super) const SEAT_BITS: u32 = 7;

const HOLDS_BITS: u32 = 3;
const LAP: u32 = HOLDS_BITS + SEAT_BITS;

/// How the state of a ring's slot is made up, for code that is not Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotWords {
    /// The lowest bits, which say what the slot holds, as a mask.
    pub holds: usize,
    /// Nothing.
    pub nothing: usize,
    /// Somebody puts a value into it.
    pub writing: usize,
    /// A value.
    pub value: usize,
    /// Somebody takes the value out of it.
    pub reading: usize,
    /// The end.
    pub end: usize,
    /// The first bit of the seat of who writes or reads.
    pub seat_bit: u32,
    /// The first bit of the lap.
    pub lap_bit: u32,
}

/// The same of the states here.
pub(super) const STATES: SlotWords = SlotWords {
    holds: (1 << HOLDS_BITS) - 1,
    nothing: SlotState::new(0, Holds::Nothing).into_bits(),
    writing: SlotState::new(0, Holds::Writing(0)).into_bits(),
    value: SlotState::new(0, Holds::Value).into_bits(),
    reading: SlotState::new(0, Holds::Reading(0)).into_bits(),
    end: SlotState::new(0, Holds::End).into_bits(),
    seat_bit: HOLDS_BITS,
    lap_bit: LAP,
};

/// The largest lap.
pub(super) const MOST_LAP: usize = usize::MAX >> LAP;

/// What a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Nothing: the next one to push in this lap has it.
    Nothing,
    /// Somebody in this seat puts a value into it.
    Writing(usize),
    /// A value of this lap.
    Value,
    /// Somebody in this seat takes the value out of it.
    Reading(usize),
    /// The end: the ring was closed, and nothing comes after this slot.
    End,
    /// Bits that nobody writes.
    Nonsense,
}

/// The state of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotState {
    pub(super) lap: usize,
    pub(super) holds: Holds,
}

impl SlotState {
    #[inline]
    pub(super) const fn new(lap: usize, holds: Holds) -> Self {
        Self { lap, holds }
    }

    #[inline]
    pub(super) const fn from_bits(word: usize) -> Self {
        let seat = word >> HOLDS_BITS & ((1 << SEAT_BITS) - 1);
        let holds = match word & ((1 << HOLDS_BITS) - 1) {
            0 => Holds::Nothing,
            1 => Holds::Writing(seat),
            2 => Holds::Value,
            3 => Holds::Reading(seat),
            4 => Holds::End,
            _ => Holds::Nonsense,
        };
        Self { lap: word >> LAP, holds }
    }

    #[inline]
    pub(super) const fn into_bits(self) -> usize {
        let (kind, seat) = match self.holds {
            Holds::Nothing => (0, 0),
            Holds::Writing(seat) => (1, seat),
            Holds::Value => (2, 0),
            Holds::Reading(seat) => (3, seat),
            Holds::End => (4, 0),
            Holds::Nonsense => (7, 0),
        };
        self.lap << LAP | seat << HOLDS_BITS | kind
    }

    /// The seat of who works at the slot.
    #[inline]
    pub(super) const fn seat(self) -> Option<usize> {
        match self.holds {
            Holds::Writing(seat) | Holds::Reading(seat) => Some(seat),
            _ => None,
        }
    }
}
