//! Nothing is hardened.

use crate::sync::atomic::AtomicU32;

/// Whether heaps are hardened.
pub(crate) const ON: bool = false;

/// Bytes at the end of a block that are not the user's.
pub(crate) const SEAL: usize = 0;

/// What tells the layout of hardened heaps from others.
pub(crate) const FINGERPRINT: u64 = 0;

/// No secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secret;

impl Secret {
    pub(crate) const fn new(_bits: u64) -> Self {
        Self
    }

    #[inline]
    pub(crate) const fn of_slot(self, _slot: usize) -> EntryKey {
        EntryKey
    }

    #[inline]
    pub(crate) const fn order(self, _of: [usize; 4]) -> Order {
        Order
    }
}

/// No key: entries are stored as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryKey;

/// An entry of a magazine.
pub(crate) type Entry<'a> = &'a AtomicU32;

/// Entries of a magazine.
pub(crate) type Entries<'a> = &'a [AtomicU32];

impl EntryKey {
    #[inline]
    pub(crate) const fn of_lane(self, _at: usize) -> Self {
        self
    }

    #[inline]
    pub(crate) const fn entry(self, word: &AtomicU32, _index: u32) -> Entry<'_> {
        word
    }

    #[inline]
    pub(crate) const fn entries(self, words: &[AtomicU32], _first: u32) -> Entries<'_> {
        words
    }
}

/// The order of addresses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order;

impl Order {
    /// The number of the next bit of `bits`, and the bits without it.
    #[inline]
    pub(crate) const fn next(&mut self, bits: usize) -> (u32, usize) {
        (bits.trailing_zeros(), bits & bits.wrapping_sub(1))
    }
}
