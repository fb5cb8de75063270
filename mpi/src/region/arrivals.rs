//! What other ranks have put into pages of this one.

use anymem_core::region::{Geometry, PageArray, RegionId, Stamp};

use super::layout::{BEGUN, to_stamp};

/// The arrivals that a table had when they were taken out, and what they make of its pages.
#[derive(Debug)]
pub(super) struct Arrivals {
    geometry: Geometry,
    id: RegionId,
    words: Vec<u64>,
}

impl Arrivals {
    pub(super) fn new(geometry: Geometry, id: RegionId, words: Vec<u64>) -> Self {
        Self { geometry, id, words }
    }

    fn bits(&self, group: usize, is: impl Fn(u64) -> bool) -> u64 {
        let words = self.words.iter().skip(group * 64).take(64);
        words.enumerate().fold(0, |bits, (page, &word)| bits | u64::from(is(word)) << page)
    }

    /// The pages where something is whole, and those where it is not.
    pub(super) fn split(&self) -> (Vec<u64>, Vec<u64>) {
        let groups = 0..self.geometry.pages().div_ceil(64);
        let whole = groups.clone().map(|group| self.bits(group, |word| word > BEGUN));
        (whole.collect(), groups.map(|group| self.bits(group, |word| word == BEGUN)).collect())
    }
}

impl PageArray for Arrivals {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn allocated(&self, group: usize) -> u64 {
        self.bits(group, |word| word != 0)
    }

    fn valid(&self, group: usize) -> u64 {
        self.bits(group, |word| word > BEGUN)
    }

    fn dirty(&self, _group: usize) -> u64 {
        0
    }

    fn changes(&self, _group: usize) -> u32 {
        0
    }

    fn stamp(&self, page: usize) -> Stamp {
        to_stamp(self.words.get(page).copied().unwrap_or(0))
    }

    fn owner(&self, _page: usize) -> RegionId {
        self.id
    }
}
