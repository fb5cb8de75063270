//! Everything is hardened.

use core::fmt;
use core::ops::RangeFrom;
use core::slice;

use crate::sync::atomic::{AtomicU32, Ordering};

/// Whether heaps are hardened.
pub(crate) const ON: bool = true;

/// Bytes at the end of a block that are not the user's.
pub(crate) const SEAL: usize = 8;

/// What tells the layout of hardened heaps from others.
pub(crate) const FINGERPRINT: u64 = 0x5ec0_5ea1;

/// What a program that writes astray does not know.
#[derive(Clone, Copy)]
pub(crate) struct Secret(u64);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What the seal of a block says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It is free.
    Free,
    /// It was handed out.
    Live,
}

impl Secret {
    pub(crate) const fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// The seal of the block at `at`, in bytes from the segment's start, that has
    /// `slack` bytes of slack.
    pub(crate) const fn seal(self, at: usize, slack: u32, state: State) -> u32 {
        // Blocks start at multiples of 16 below 2⁴⁸, and slack is below 2¹⁸: no
        // two of the three share a bit.
        let facts = (at as u64 >> 4) | (slack as u64) << 44 | (state as u64) << 63;
        (mix(self.0 ^ facts) >> 32) as u32
    }

    /// What the length of the slack of the block at `at` is masked with.
    pub(crate) const fn mask(self, at: usize) -> u32 {
        // No more than that: the seal tells whether the length was changed.
        self.0 as u32 ^ (at >> 4) as u32
    }

    /// What the slack of blocks is filled with.
    pub(crate) const fn pattern(self) -> u8 {
        // Neither the end of a text nor the like of what an overflow writes.
        (self.0 >> 56) as u8 | 0x80
    }

    /// The key of the entries of a slot.
    pub(crate) const fn of_slot(self, slot: usize) -> EntryKey {
        EntryKey(mix(self.0 ^ (slot as u64) << 32))
    }

    /// An order that depends on four numbers.
    pub(crate) const fn order(self, of: [usize; 4]) -> Order {
        let [a, b, c, d] = of;
        let outer = mix(self.0 ^ a as u64 ^ (b as u64) << 32);
        Order(mix(outer ^ c as u64 ^ (d as u64) << 32))
    }
}

/// Spreads every bit over all others (the finaliser of SplitMix64).
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// What the entries of a magazine are masked with, each by its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryKey(u64);

impl EntryKey {
    /// The key of the magazine that stands `at` so many bytes from the slot's
    /// first.
    pub(crate) const fn of_lane(self, at: usize) -> Self {
        Self(self.0.wrapping_add(at as u64))
    }

    /// The entry number `index`, which is stored in `word`.
    pub(crate) const fn entry(self, word: &AtomicU32, index: u32) -> Entry<'_> {
        // Lanes start at multiples of 4, so this is the place of the word.
        let place = self.0.wrapping_add(4 * (1 + index as u64));
        Entry { word, mask: (mix(place) >> 32) as u32 }
    }

    /// The entries from number `first` on, which are stored in `words`.
    pub(crate) const fn entries(self, words: &[AtomicU32], first: u32) -> Entries<'_> {
        Entries { words, first, key: self }
    }
}

/// An entry of a magazine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    word: &'a AtomicU32,
    mask: u32,
}

impl Entry<'_> {
    pub(crate) fn load(&self, order: Ordering) -> u32 {
        self.word.load(order) ^ self.mask
    }

    pub(crate) fn store(&self, block: u32, order: Ordering) {
        self.word.store(block ^ self.mask, order);
    }
}

/// Entries of a magazine; to be used as a slice of them would be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entries<'a> {
    words: &'a [AtomicU32],
    first: u32,
    key: EntryKey,
}

impl<'a> Entries<'a> {
    pub(crate) fn iter(&self) -> EntriesIter<'a> {
        EntriesIter { words: self.words.iter(), next: self.first, key: self.key }
    }

    pub(crate) fn first(&self) -> Option<Entry<'a>> {
        self.iter().next()
    }

    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }

    pub(crate) fn get(&self, range: RangeFrom<usize>) -> Option<Self> {
        let first = self.first + range.start as u32;
        Some(Self { words: self.words.get(range)?, first, ..*self })
    }
}

impl<'a> IntoIterator for Entries<'a> {
    type Item = Entry<'a>;
    type IntoIter = EntriesIter<'a>;

    fn into_iter(self) -> EntriesIter<'a> {
        self.iter()
    }
}

/// The entries of [`Entries`], one after the other.
#[derive(Debug, Clone)]
pub(crate) struct EntriesIter<'a> {
    words: slice::Iter<'a, AtomicU32>,
    next: u32,
    key: EntryKey,
}

impl<'a> Iterator for EntriesIter<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let entry = self.key.entry(self.words.next()?, self.next);
        self.next += 1;
        Some(entry)
    }
}

impl DoubleEndedIterator for EntriesIter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let word = self.words.next_back()?;
        Some(self.key.entry(word, self.next + self.words.len() as u32))
    }
}

/// An order that looks random.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order(u64);

impl Order {
    /// The number of the next bit of `bits`, and the bits without it.
    pub(crate) const fn next(&mut self, bits: usize) -> (u32, usize) {
        self.0 = mix(self.0.wrapping_add(0x9e37_79b9_7f4a_7c15));
        let turn = self.0 as u32 % usize::BITS;
        let bit = (bits.rotate_right(turn).trailing_zeros() + turn) % usize::BITS;
        (bit, bits & !(1 << bit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: Secret = Secret::new(0x0123_4567_89ab_cdef);

    #[test]
    fn an_entry_is_read_only_where_it_was_written() {
        let words = [const { AtomicU32::new(0) }; 8];
        let key = SECRET.of_slot(3).of_lane(40);
        for (block, entry) in (100..).zip(key.entries(&words, 0)) {
            entry.store(block, Ordering::Relaxed);
        }
        let read = |key: EntryKey| -> [u32; 8] {
            let mut entries = key.entries(&words, 0).into_iter();
            [0; 8].map(|_| entries.next().unwrap().load(Ordering::Relaxed))
        };
        assert_eq!(read(key), [100, 101, 102, 103, 104, 105, 106, 107]);
        let backwards = key.entries(&words[2..], 2).iter().rev();
        assert!(backwards.map(|entry| entry.load(Ordering::Relaxed)).eq((102..108).rev()));
        for other in [SECRET.of_slot(4).of_lane(40), SECRET.of_slot(3).of_lane(44)] {
            assert!(read(other).iter().zip(100..).all(|(found, block)| *found != block));
        }
        assert!(words.iter().all(|word| word.load(Ordering::Relaxed) > 1000), "nothing is plain");
    }

    #[test]
    fn an_order_visits_every_bit_once() {
        let mut orders = [1, 2].map(|seed| SECRET.order([seed, 0, 0, 0]));
        let mut left = usize::MAX & !0xff0;
        let (mut visited, mut same) = (0, 0);
        while left != 0 {
            let (bit, rest) = orders[0].next(left);
            same += usize::from(orders[1].next(left).0 == bit);
            assert_eq!(left & !rest, 1 << bit);
            left = rest;
            visited += 1;
        }
        assert_eq!(visited, usize::BITS - 8);
        assert!(same < 16, "two orders are almost the same");
    }

    #[test]
    fn a_seal_depends_on_everything() {
        let seal = SECRET.seal(4096, 5, State::Live);
        let others = [
            SECRET.seal(4096, 5, State::Free),
            SECRET.seal(4096, 6, State::Live),
            SECRET.seal(4112, 5, State::Live),
            Secret::new(7).seal(4096, 5, State::Live),
        ];
        assert!(!others.contains(&seal));
    }
}
