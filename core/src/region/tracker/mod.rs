//! Which pages were really written, of those that were to be.

mod bits;
mod twins;

use core::fmt::Debug;
use core::ops::Range;

pub use self::bits::BitTracker;
pub use self::twins::TwinTracker;

use super::{Pages, Region, RegionError, Run};

/// Finds out which pages are written through a region's accessors.
///
/// Without one ([`Untracked`]) all pages that were pinned for writing count as written. One
/// of one's own is a parameter of [`DefaultRegion`](super::DefaultRegion), and costs nothing
/// where it does nothing.
///
/// Pages stay pinned for writing from [`begin`](Self::begin) to
/// [`written`](Self::written), so that each is one thread's; different pages are several
/// threads'.
pub trait WriteTracker: Debug + Send + Sync {
    /// Pages are about to be written.
    ///
    /// # Errors
    ///
    /// What keeps the tracker from its work; the pages are not written then.
    fn begin(&self, _region: &dyn Region, _pages: &Pages) -> Result<(), RegionError> {
        Ok(())
    }

    /// The accessor writes to the page.
    #[inline]
    fn mark(&self, _page: usize) {}

    /// Writing has ended.
    fn end(&self, _region: &dyn Region, _pages: &Pages) {}

    /// Which of these pages of a group were written in between; all of them, if it cannot
    /// tell.
    #[inline]
    fn written(&self, _group: usize, pages: u64) -> u64 {
        pages
    }

    /// Visits the bytes of a page that were changed since it was last clean, by their distance
    /// from the first: the whole page, if it cannot tell. The page is pinned for writing.
    ///
    /// # Errors
    ///
    /// What the page's memory says.
    fn changes(
        &self,
        region: &dyn Region,
        page: usize,
        visit: &mut dyn FnMut(Range<usize>) -> Result<(), RegionError>,
    ) -> Result<(), RegionError> {
        visit(0..region.geometry().bytes_of(Run { first: page, len: 1 }).len())
    }

    /// These pages of a group have no changes of their own any more: others' contents were
    /// copied over them, their changes were taken, or they are freed.
    #[inline]
    fn forget(&self, _group: usize, _pages: u64) {}
}

/// Tracks nothing: pages that were to be written count as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Untracked;

impl WriteTracker for Untracked {}
