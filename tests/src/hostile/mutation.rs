//! One change to the bytes of a heap, of the kind that hurts.

use super::guarded::Guarded;
use super::input::Choices;
use super::victim::Victim;

/// Bytes of one kind that are worth a change: `count` pieces of `len` bytes,
/// `step` bytes apart.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Where the first piece starts.
    pub at: usize,
    /// Bytes of a piece.
    pub len: usize,
    /// From one piece to the next.
    pub step: usize,
    /// How many.
    pub count: usize,
}

/// Bytes that are changed at once.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: usize,
    /// One, four or eight.
    len: usize,
    /// Where the piece starts that they are in.
    piece: usize,
}

/// What may be changed, and numbers that mean something there.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Kinds of bytes; each is as likely as the others.
    pub all: Vec<Target>,
    /// Offsets of blocks, tables, slabs.
    pub offsets: Vec<u64>,
}

impl Targets {
    /// Changes something.
    pub fn harm(&self, memory: &Guarded, choices: &mut impl Choices) {
        let place = self.place(memory, choices);
        let Place { at, len, .. } = place;
        let old = memory.number(at, len);
        if choices.below(16) == 0 {
            let other = self.place(memory, choices).at;
            memory.set_number(at, len, memory.number(other, len));
            memory.set_number(other, len, old);
            return;
        }
        let new = self.value(memory, choices, old, place);
        memory.set_number(at, len, new);
        // A table of them, where one is not enough.
        if choices.below(16) == 0 {
            for next in 1..choices.below(64) {
                let next = at + next * len;
                if next + len <= memory.len() {
                    memory.set_number(next, len, new);
                }
            }
        }
    }

    fn place(&self, memory: &Guarded, choices: &mut impl Choices) -> Place {
        let target = self.all[choices.below(self.all.len())];
        let piece = target.at + choices.below(target.count) * target.step;
        let len = [8, 8, 4, 1][choices.below(4)].min(target.len);
        let inside = choices.below(target.len) / len * len;
        Place { at: (piece + inside).min(memory.len() - 8), len, piece }
    }

    fn value(&self, memory: &Guarded, choices: &mut impl Choices, old: u64, place: Place) -> u64 {
        let Place { len, piece, .. } = place;
        let bits = 8 * len as u32;
        match choices.below(17) {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => 1 << (bits - 1),
            4 => (1 << (bits - 1)) - 1,
            5 => old.wrapping_add(1),
            6 => old.wrapping_sub(1),
            7 => old ^ 1 << choices.below(bits as usize),
            8 => old << 1,
            9 => memory.len() as u64 - choices.below(2) as u64 * 8,
            10 => choices.below(200) as u64,
            11 => memory.number(choices.below(memory.len() - 8) & !7, len),
            12 => self.place_value(memory, choices, len),
            13 | 14 => self.offset(choices),
            // What leads back to where it stands.
            15 => piece as u64,
            _ => choices.bits(),
        }
    }

    /// What stands at another place that may be changed.
    fn place_value(&self, memory: &Guarded, choices: &mut impl Choices, len: usize) -> u64 {
        memory.number(self.place(memory, choices).at, len)
    }

    /// An offset that means something, in one of the ways it may be stored, or
    /// the name of the dead or the living.
    fn offset(&self, choices: &mut impl Choices) -> u64 {
        let at = self.offsets[choices.below(self.offsets.len())];
        match choices.below(7) {
            0 => at | (3 + choices.below(8) as u64),
            1 => at + 8 * choices.below(16) as u64,
            2 => at >> 3,
            3 => at >> 4,
            4 => Victim::OWNER.to_word() as u64 + 1,
            5 => Victim::OWNER.to_word() as u64,
            _ => at,
        }
    }
}
