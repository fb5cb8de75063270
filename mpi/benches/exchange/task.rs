//! What one rank gets of what the other has.

/// Bytes of a page.
pub(crate) const PAGE: usize = 4096;

/// Pages that the owner has.
pub(crate) const PAGES: usize = 16384;

/// Bytes that the owner has.
pub(crate) const BYTES: usize = PAGES * PAGE;

/// What one rank gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// One page.
    Get,
    /// Pages at random places, a quarter of them, which both know.
    Scattered,
    /// All.
    Bulk,
    /// What it takes to have all, after pages that it does not know were written: a quarter,
    /// at random places.
    Dirty,
}

impl Task {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Get, Self::Scattered, Self::Bulk, Self::Dirty];

    /// What it is called in orders.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Scattered => "scattered",
            Self::Bulk => "bulk",
            Self::Dirty => "dirty",
        }
    }

    /// The pages that the owner writes first, in ascending order.
    pub(crate) fn pages(self) -> Vec<usize> {
        match self {
            Self::Bulk => (0..PAGES).collect(),
            _ => a_quarter(),
        }
    }
}

/// A quarter of the pages at random, the same ones each time: of each page some bits of its
/// number, spread out, say whether it comes sooner than others.
fn a_quarter() -> Vec<usize> {
    let spread =
        |page: &usize| (*page as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(32);
    let mut pages: Vec<usize> = (0..PAGES).collect();
    pages.sort_by_cached_key(|page| spread(page).wrapping_mul(0xBF58_476D_1CE4_E5B9));
    pages.truncate(PAGES / 4);
    pages.sort_unstable();
    pages
}
