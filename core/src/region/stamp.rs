//! Which contents a page has.

use core::fmt;
use core::num::NonZeroU32;

/// A region, among all that may ever exchange pages with it: those of a process, or of all
/// ranks of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegionId(NonZeroU32);

impl RegionId {
    /// The region of that number.
    #[must_use]
    pub const fn new(number: NonZeroU32) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for RegionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "region {}", self.0)
    }
}

/// Which contents a page has: the region that wrote them, and its number for them.
///
/// Two valid pages of one index with the same stamp have the same bytes, wherever they are:
/// a copy takes the stamp along. It is not so with numbers alone, for two regions count
/// each for itself. A region's numbers wrap after 2³² writes of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// The number of the region that wrote; 0 if nobody did.
    pub origin: u32,
    /// Counts what that region wrote.
    pub number: u32,
}
