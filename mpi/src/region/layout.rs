//! The page table of a region as other ranks find it in its owner's arena.
//!
//! | words | entries | what |
//! |---|---|---|
//! | 8 | 1 | header: magic, edition, bytes, bytes of a page, the region's number, 3 spare |
//! | 5 | one for 64 pages | head: the owner's count of changes, bits allocated, valid, dirty; how often places changed |
//! | 1 | one a page | stamp: origin in the high half, number in the low one |
//! | 1 | one a page | place: where the page is in the arena |
//! | 1 | one a page | arrival: a stamp, if another rank put something there; 1 while it does |
//!
//! All words are as the ranks have them: a job's ranks have the same byte order. The edition
//! is odd while the owner writes what is before the arrivals, and another one after it, so
//! that who reads it before and after knows whether all belongs together. Arrivals are the
//! other ranks'; the owner takes them out.

use std::alloc::Layout;

use anymem_core::region::{Geometry, Stamp};

/// The first word of a table.
pub(super) const MAGIC: u64 = u64::from_ne_bytes(*b"anymempt");

/// The second word of a table: its edition.
pub(super) const EDITION: usize = 1;

/// Words of the header.
pub(super) const HEADER: usize = 8;

/// Words of a head.
pub(super) const HEAD: usize = 5;

/// The word of a head that counts how often places of its pages have changed.
pub(super) const MOVES: usize = 4;

/// An arrival that is not complete: no region's stamp.
pub(super) const BEGUN: u64 = 1;

/// Where in a table what is.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableLayout {
    pub(super) geometry: Geometry,
}

impl TableLayout {
    pub(super) fn groups(self) -> usize {
        self.geometry.pages().div_ceil(64)
    }

    /// The word of a group's head.
    pub(super) fn head(self, group: usize) -> usize {
        HEADER + HEAD * group
    }

    /// The word of a page's stamp.
    pub(super) fn stamp(self, page: usize) -> usize {
        self.head(self.groups()) + page
    }

    /// The word of a page's place.
    pub(super) fn place(self, page: usize) -> usize {
        self.stamp(self.geometry.pages()) + page
    }

    /// The word of a page's arrival.
    pub(super) fn arrival(self, page: usize) -> usize {
        self.place(self.geometry.pages()) + page
    }

    /// How many words there are.
    pub(super) fn words(self) -> usize {
        self.arrival(self.geometry.pages())
    }

    /// All of it; `None` if it is too large.
    pub(super) fn layout(self) -> Option<Layout> {
        Layout::array::<u64>(self.words()).ok()?.align_to(64).ok()
    }

    /// The header, at an edition.
    pub(super) fn header(self, edition: u64, region: u32) -> [u64; HEADER] {
        let (bytes, page) = (self.geometry.bytes() as u64, self.geometry.page_size() as u64);
        [MAGIC, edition, bytes, page, u64::from(region), 0, 0, 0]
    }

    /// The pages of a group.
    pub(super) fn pages_of(self, group: usize) -> std::ops::Range<usize> {
        group * 64..(group * 64 + 64).min(self.geometry.pages())
    }
}

/// A stamp as a word.
pub(super) fn to_word(stamp: Stamp) -> u64 {
    u64::from(stamp.origin) << 32 | u64::from(stamp.number)
}

/// The stamp of a word.
pub(super) fn to_stamp(word: u64) -> Stamp {
    Stamp { origin: (word >> 32) as u32, number: word as u32 }
}
