//! Control bytes, looked at a word at a time.
//!
//! | byte | the slot |
//! |---|---|
//! | `0x00` | never held an entry since the table was made, or none that a search had to pass |
//! | `0x01` | held an entry that searches may have passed |
//! | `0x80`–`0xff` | holds an entry; the low 7 bits are the tag of its hash |
//!
//! Lanes are counted from the low end of the word, whatever the byte order: the
//! bytes are only ever accessed as words.

/// Slots in a group: the bytes of a word.
pub(super) const LANES: usize = size_of::<usize>();

/// A byte of 1 in every lane.
const ONES: usize = usize::MAX / 0xff;

/// The highest bit of every lane.
const HIGHS: usize = ONES << 7;

/// Control byte of a slot without entry.
pub(super) const EMPTY: u8 = 0;

/// Control byte of a slot whose entry was removed.
pub(super) const REMOVED: u8 = 1;

/// Control byte of a slot with an entry whose hash has the tag `tag`.
#[inline]
pub(super) const fn occupied(tag: u8) -> u8 {
    tag | 0x80
}

/// The control bytes of one group of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group(pub(super) usize);

impl Group {
    /// The lanes whose byte is `byte`.
    #[inline]
    pub(super) const fn equal_to(self, byte: u8) -> Lanes {
        let x = self.0 ^ (ONES * byte as usize);
        // A lane of `x` is 0 exactly where neither its low bits carry into its
        // high one nor that is set already.
        Lanes(!((x & !HIGHS).wrapping_add(!HIGHS) | x) & HIGHS)
    }

    /// The lanes whose byte is `byte`, and above one of these perhaps some whose
    /// byte is `byte ^ 1`.
    #[inline]
    pub(super) const fn near(self, byte: u8) -> Lanes {
        Self(self.0 ^ (ONES * byte as usize)).zeros()
    }

    /// Whether there is an empty lane.
    #[inline]
    pub(super) const fn has_empty(self) -> bool {
        // The first that is found is one.
        self.near(EMPTY).any()
    }

    /// The lanes whose byte is 0, and above one of these perhaps some whose byte
    /// is 1, for what is borrowed from them.
    const fn zeros(self) -> Lanes {
        Lanes(self.0.wrapping_sub(ONES) & !self.0 & HIGHS)
    }

    /// The lanes that hold an entry.
    #[inline]
    pub(super) const fn full(self) -> Lanes {
        Lanes(self.0 & HIGHS)
    }

    /// The lanes that hold none.
    #[inline]
    pub(super) const fn vacant(self) -> Lanes {
        Lanes(!self.0 & HIGHS)
    }

    /// The control byte of `lane`.
    pub(super) const fn byte(self, lane: usize) -> u8 {
        (self.0 >> (lane % LANES * 8)) as u8
    }

    /// This group with the control byte of `lane` changed.
    #[inline]
    pub(super) const fn with(self, lane: usize, byte: u8) -> Self {
        let shift = lane % LANES * 8;
        Self(self.0 & !(0xff << shift) | (byte as usize) << shift)
    }
}

/// A set of lanes: the highest bit of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lanes(usize);

impl Lanes {
    /// Whether there is any.
    #[inline]
    pub(super) const fn any(self) -> bool {
        self.0 != 0
    }

    /// How many there are.
    pub(super) const fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

impl Iterator for Lanes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let lane = self.0.trailing_zeros() as usize / 8;
        self.0 &= self.0 - 1;
        Some(lane)
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;

    use alloc::vec::Vec;

    use super::*;

    fn group(bytes: [u8; LANES]) -> Group {
        bytes.into_iter().enumerate().fold(Group(0), |g, (lane, byte)| g.with(lane, byte))
    }

    #[test]
    fn lanes_are_found_exactly() {
        // Neighbouring values are where inexact tricks go wrong.
        for byte in [0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff] {
            let mut bytes = [byte; LANES];
            bytes[1] = byte ^ 1;
            bytes[2] = byte ^ 0x80;
            let found: Vec<_> = group(bytes).equal_to(byte).collect();
            let expected: Vec<_> = (0..LANES).filter(|&lane| bytes[lane] == byte).collect();
            assert_eq!(found, expected, "byte {byte:#x}");
        }
    }

    #[test]
    fn lanes_that_are_near_hold_entries() {
        let mut bytes = [EMPTY; LANES];
        bytes[0] = occupied(6);
        bytes[1] = occupied(7);
        bytes[2] = occupied(6);
        let found: Vec<_> = group(bytes).near(occupied(6)).collect();
        assert!(found == [0, 2] || found == [0, 1, 2], "{found:?}");
        assert!(!group(bytes).near(occupied(5)).any());
    }

    #[test]
    fn a_removed_lane_is_not_empty() {
        let mut bytes = [REMOVED; LANES];
        assert!(!group(bytes).has_empty());
        bytes[LANES - 1] = occupied(0);
        assert!(!group(bytes).has_empty());
        bytes[1] = EMPTY;
        assert!(group(bytes).has_empty());
    }

    #[test]
    fn full_and_vacant_are_opposites() {
        let mut bytes = [EMPTY; LANES];
        bytes[0] = occupied(0);
        bytes[1] = REMOVED;
        bytes[3] = occupied(0x7f);
        let group = group(bytes);
        assert_eq!(group.full().collect::<Vec<_>>(), [0, 3]);
        assert_eq!(group.vacant().count(), LANES - 2);
        assert_eq!(group.byte(3), 0xff);
    }
}
