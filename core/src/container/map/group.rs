//! Control bytes, looked at sixteen at a time.
//!
//! | byte | the slot |
//! |---|---|
//! | `0x00` | never held an entry since the table was made, or none that a search had to pass |
//! | `0x01` | held an entry that searches may have passed |
//! | `0x80`–`0xff` | holds an entry; the low 7 bits are the tag of its hash |
//!
//! Lanes are counted from the low end of the words, whatever the byte order: the
//! bytes are only ever accessed as words. (On machines with 32-bit words a group
//! has 8 lanes.) The idea of looking at many tags at once is that of
//! [SwissTable](https://abseil.io/about/design/swisstables).

#[cfg_attr(
    all(target_arch = "x86_64", target_pointer_width = "64", target_feature = "sse2", not(miri)),
    path = "group/sse2.rs"
)]
#[cfg_attr(
    not(all(
        target_arch = "x86_64",
        target_pointer_width = "64",
        target_feature = "sse2",
        not(miri)
    )),
    path = "group/swar.rs"
)]
mod lanes;
#[cfg(test)]
mod swar;

use core::ptr::NonNull;

use self::lanes::Mask;

use crate::sync::atomic::AtomicUsize;

/// Words of a group.
pub(super) const WORDS: usize = 2;

/// Slots whose control bytes are in a word.
pub(super) const WORD_LANES: usize = size_of::<usize>();

/// Slots in a group.
pub(super) const LANES: usize = WORDS * WORD_LANES;

/// Control byte of a slot without entry.
pub(super) const EMPTY: u8 = 0;

/// Control byte of a slot whose entry was removed.
pub(super) const REMOVED: u8 = 1;

/// Where the tag begins in a hash.
const TAG_AT: u32 = 40;

/// The 7 bits of a hash that stand in the control byte.
#[inline]
pub(super) const fn tag(hash: u64) -> u8 {
    (hash >> TAG_AT) as u8 & 0x7f
}

/// Control byte of a slot with an entry whose hash has the tag `tag`.
#[inline]
pub(super) const fn occupied(tag: u8) -> u8 {
    tag | 0x80
}

/// A word with the control byte of one of its lanes changed.
#[inline]
pub(super) const fn with(word: usize, lane: usize, byte: u8) -> usize {
    let shift = lane % WORD_LANES * 8;
    word & !(0xff << shift) | (byte as usize) << shift
}

/// The control bytes of one group of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group(pub(super) [usize; WORDS]);

impl Group {
    /// Loads the group that starts `start` bytes behind `controls`, each word with Acquire.
    ///
    /// # Safety
    ///
    /// Its words are valid for reads and aligned, and written to atomically only.
    #[inline(always)]
    pub(super) unsafe fn load(controls: NonNull<AtomicUsize>, start: usize) -> Self {
        // SAFETY: passed on from the caller.
        Self(unsafe { lanes::load(controls, start) })
    }

    /// The lanes that hold an entry whose hash has the same tag as `hash`, and perhaps some
    /// of others, as [`near`](Self::near).
    #[inline]
    pub(super) fn alike(self, hash: u64) -> Lanes {
        Lanes(lanes::alike(self.0, hash))
    }

    /// The lanes whose byte is `byte`.
    #[inline]
    pub(super) fn equal_to(self, byte: u8) -> Lanes {
        Lanes(lanes::equal_to(self.0, byte))
    }

    /// The lanes whose byte is `byte`, and above one of these perhaps some whose
    /// byte is `byte ^ 1`.
    #[inline]
    pub(super) fn near(self, byte: u8) -> Lanes {
        Lanes(lanes::near(self.0, byte))
    }

    /// Whether there is an empty lane.
    #[inline]
    pub(super) fn has_empty(self) -> bool {
        // The first that is found is one.
        self.near(EMPTY).any()
    }

    /// The lanes that hold an entry.
    #[inline]
    pub(super) fn full(self) -> Lanes {
        Lanes(lanes::highs(self.0))
    }

    /// The lanes that hold none.
    #[inline]
    pub(super) fn vacant(self) -> Lanes {
        Lanes(lanes::highs(self.0) ^ lanes::ALL)
    }

    /// The control byte of `lane`.
    #[inline]
    pub(super) const fn byte(self, lane: usize) -> u8 {
        (self.0[lane / WORD_LANES % WORDS] >> (lane % WORD_LANES * 8)) as u8
    }
}

/// A set of lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lanes(Mask);

impl Lanes {
    /// Whether there is any.
    #[inline]
    pub(super) const fn any(self) -> bool {
        self.0 != 0
    }

    /// How many there are.
    #[inline]
    pub(super) const fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The first.
    #[inline]
    pub(super) const fn first(self) -> Option<usize> {
        if self.any() { Some(self.0.trailing_zeros() as usize / lanes::BITS) } else { None }
    }

    /// Takes the first out; there is one.
    #[inline]
    pub(super) const fn drop_first(&mut self) {
        self.0 &= self.0.wrapping_sub(1);
    }
}

impl Iterator for Lanes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let lane = self.first()?;
        self.drop_first();
        Some(lane)
    }
}

#[cfg(test)]
mod tests {
    extern crate alloc;

    use alloc::vec::Vec;

    use super::*;

    fn group(bytes: [u8; LANES]) -> Group {
        let mut words = [0; WORDS];
        for (lane, byte) in bytes.into_iter().enumerate() {
            words[lane / WORD_LANES] = with(words[lane / WORD_LANES], lane, byte);
        }
        Group(words)
    }

    /// Groups in which neighbouring values stand side by side, also across words:
    /// they are where inexact tricks go wrong.
    fn groups() -> impl Iterator<Item = (u8, [u8; LANES])> {
        [0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff].into_iter().map(|byte| {
            let mut bytes = [byte; LANES];
            bytes[1] = byte ^ 1;
            bytes[2] = byte ^ 0x80;
            bytes[WORD_LANES] = byte ^ 1;
            (byte, bytes)
        })
    }

    #[test]
    fn lanes_are_found_exactly() {
        for (byte, bytes) in groups() {
            let found: Vec<_> = group(bytes).equal_to(byte).collect();
            let expected: Vec<_> = (0..LANES).filter(|&lane| bytes[lane] == byte).collect();
            assert_eq!(found, expected, "byte {byte:#x}");
        }
    }

    #[test]
    fn words_alone_find_the_same_lanes() {
        let lanes = |mask: swar::Mask| -> Vec<_> {
            (0..LANES).filter(|lane| mask >> (lane * swar::BITS + 7) & 1 == 1).collect()
        };
        for (byte, bytes) in groups() {
            let group = group(bytes);
            let words = group.0;
            assert_eq!(
                lanes(swar::equal_to(words, byte)),
                group.equal_to(byte).collect::<Vec<_>>()
            );
            assert_eq!(lanes(swar::highs(words)), group.full().collect::<Vec<_>>());
            assert_eq!(lanes(swar::highs(words) ^ swar::ALL), group.vacant().collect::<Vec<_>>());
            let near = lanes(swar::near(words, byte));
            assert!(group.equal_to(byte).all(|lane| near.contains(&lane)), "byte {byte:#x}");
        }
    }

    #[test]
    fn tags_are_found_wherever_they_are() {
        let hash = 0x1234_5678_9abc_def0_u64;
        for hash in (0..64).map(|turn| hash.rotate_left(turn)) {
            for at in 0..LANES {
                let mut bytes = [REMOVED; LANES];
                bytes[at] = occupied(tag(hash));
                bytes[(at + 5) % LANES] = occupied(tag(!hash));
                let found = group(bytes).alike(hash);
                assert_eq!(found.collect::<Vec<_>>(), [at], "hash {hash:#x}");
                assert_eq!(swar::alike(group(bytes).0, hash).count_ones(), 1, "hash {hash:#x}");
            }
        }
    }

    #[test]
    fn groups_are_loaded_in_the_order_of_their_words() {
        let words: [AtomicUsize; 2 * WORDS] = core::array::from_fn(|word| word.into());
        let controls = NonNull::from(&words).cast();
        // SAFETY: there are that many words.
        assert_eq!(unsafe { Group::load(controls, LANES) }, Group([2, 3]));
        // SAFETY: as above.
        assert_eq!(unsafe { swar::load(controls, LANES) }, [2, 3]);
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
        bytes[LANES - 1] = occupied(0x7f);
        let group = group(bytes);
        assert_eq!(group.full().collect::<Vec<_>>(), [0, LANES - 1]);
        assert_eq!(group.vacant().count(), LANES - 2);
        assert_eq!(group.byte(LANES - 1), 0xff);
    }
}
