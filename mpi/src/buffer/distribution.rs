//! Which rank has which pages.

use std::fmt;

/// How the pages of a buffer are spread over the ranks; each has one owner.
#[derive(Clone, Copy, Default)]
pub enum Distribution<'a> {
    /// Each rank has as many as the others, or one more, all in one piece.
    #[default]
    Block,
    /// Ranks take turns, with so many pages at a time.
    Cyclic(usize),
    /// As this says: from a page to its rank. It has to be the same on all ranks.
    Custom(&'a (dyn Fn(usize) -> u32 + Sync)),
}

impl fmt::Debug for Distribution<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Block => f.write_str("Block"),
            Self::Cyclic(pages) => write!(f, "Cyclic({pages})"),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}

impl Distribution<'_> {
    /// The rank that has `page`, of `pages` pages and `ranks` ranks.
    ///
    /// ```
    /// use anymem_mpi::Distribution;
    ///
    /// let owners = |distribution: Distribution<'_>| {
    ///     (0..5).map(|page| distribution.owner(page, 5, 2)).collect::<Vec<_>>()
    /// };
    /// assert_eq!(owners(Distribution::Block), [0, 0, 0, 1, 1]);
    /// assert_eq!(owners(Distribution::Cyclic(1)), [0, 1, 0, 1, 0]);
    /// assert_eq!(owners(Distribution::Custom(&|page| u32::from(page == 2))), [0, 0, 1, 0, 0]);
    /// ```
    #[must_use]
    pub fn owner(&self, page: usize, pages: usize, ranks: u32) -> u32 {
        let count = ranks.max(1) as usize;
        match *self {
            Self::Block => {
                let (each, more) = (pages / count, pages % count);
                // The first `more` ranks have one page more.
                let long = more * (each + 1);
                let rank = match page < long {
                    true => page / (each + 1),
                    false => more + (page - long) / each.max(1),
                };
                rank.min(count - 1) as u32
            }
            Self::Cyclic(turn) => (page / turn.max(1) % count) as u32,
            Self::Custom(owner) => owner(page),
        }
    }
}
