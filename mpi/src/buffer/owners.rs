//! The pages of each rank, as bits.

use anymem_core::region::{Geometry, Pages};

use super::Distribution;
use crate::TransportError;

/// Which pages each rank has.
#[derive(Debug)]
pub(super) struct Owners {
    ranks: Vec<Vec<u64>>,
    /// The owner of each page.
    pages: Vec<u32>,
}

impl Owners {
    pub(super) fn new(
        geometry: Geometry,
        distribution: Distribution<'_>,
        ranks: u32,
    ) -> Result<Self, TransportError> {
        let pages = geometry.pages();
        let mut sets = vec![vec![0_u64; pages.div_ceil(64)]; ranks as usize];
        let owner = |page| distribution.owner(page, pages, ranks);
        let pages: Vec<u32> = (0..pages).map(owner).collect();
        for (page, &rank) in pages.iter().enumerate() {
            let set = sets.get_mut(rank as usize);
            set.ok_or(TransportError::NoSuchRank { rank, ranks })?[page / 64] |= 1 << (page % 64);
        }
        Ok(Self { ranks: sets, pages })
    }

    /// The pages of `rank`; none if there is no such rank.
    pub(super) fn of(&self, rank: u32) -> &Pages {
        Pages::new(self.ranks.get(rank as usize).map_or(&[], |set| set))
    }

    /// The rank that has `page`.
    pub(super) fn owner(&self, page: usize) -> Option<u32> {
        self.pages.get(page).copied()
    }
}

/// The pages that are in both.
pub(super) fn both(some: &Pages, others: &Pages) -> Vec<u64> {
    some.words().iter().zip(others.words()).map(|(some, others)| some & others).collect()
}
