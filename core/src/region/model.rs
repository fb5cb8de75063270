//! What each kind of region is to the others.

use super::{Geometry, PageArray, Pages, RegionError, RegionId, Run};
use crate::memory::Place;

/// Paged memory of one owner, or what stands for it.
///
/// Kinds of one's own need only this to be read, written and copied like the others.
///
/// # Safety
///
/// - From [`begin_read`](Self::begin_read) to [`end_read`](Self::end_read) nobody writes,
///   frees or moves the pages; from [`begin_write`](Self::begin_write) to
///   [`end_write`](Self::end_write) nobody else uses them at all.
/// - A [`place`](Self::place) of pinned pages is within a block of its memory and stays
///   there as long as they are pinned.
pub unsafe trait Region: Send + Sync {
    /// Which one it is.
    fn id(&self) -> RegionId;

    /// Its bytes and pages.
    fn geometry(&self) -> Geometry {
        self.pages().geometry()
    }

    /// Its pages.
    fn pages(&self) -> &dyn PageArray;

    /// Brings the page array up to date, where others change what it tells of.
    ///
    /// # Errors
    ///
    /// [`Transport`](RegionError::Transport).
    fn refresh(&self) -> Result<(), RegionError> {
        Ok(())
    }

    /// Pins pages for reading, all or none. They have to be allocated.
    ///
    /// It waits for who writes them; pages are taken in ascending order, so that nobody
    /// waits in a circle.
    ///
    /// # Errors
    ///
    /// [`Unallocated`](RegionError::Unallocated), or [`Busy`](RegionError::Busy) where the
    /// region does not wait.
    fn begin_read(&self, pages: &Pages) -> Result<(), RegionError>;

    /// Takes back what [`begin_read`](Self::begin_read) did.
    ///
    /// # Safety
    ///
    /// The pages were pinned so, and what was lent of them is not used any more.
    unsafe fn end_read(&self, pages: &Pages);

    /// Pins pages for writing, all or none. They have to be allocated.
    ///
    /// # Errors
    ///
    /// As [`begin_read`](Self::begin_read).
    fn begin_write(&self, pages: &Pages) -> Result<(), RegionError>;

    /// Takes back what [`begin_write`](Self::begin_write) did, and says what became of the
    /// pages.
    ///
    /// # Safety
    ///
    /// The pages were pinned so, and what was lent of them is not used any more.
    unsafe fn end_write(&self, pages: &Pages, outcome: Outcome<'_>);

    /// Where pinned pages are: as many bytes from the first page of `run` on as follow one
    /// another in one memory, at least one page and at most the run.
    ///
    /// # Errors
    ///
    /// [`Unallocated`](RegionError::Unallocated) if the first one is not there.
    fn place(&self, run: Run) -> Result<Place<'_>, RegionError>;

    /// Waits until all copies posted from and to its pages are done: once for each memory
    /// that the pages may be in.
    ///
    /// # Errors
    ///
    /// [`Transport`](RegionError::Transport) or [`Memory`](RegionError::Memory): whatever
    /// was copied may not have arrived.
    fn flush(&self) -> Result<(), RegionError>;
}

/// What became of pages that were pinned for writing.
#[derive(Clone, Copy)]
pub enum Outcome<'a> {
    /// Nothing was written.
    Unchanged,
    /// They hold something new: valid, dirty, with a new stamp of the region.
    Written,
    /// They hold what these pages, still pinned, do: valid, not dirty, with their stamps.
    Copied(&'a dyn PageArray),
    /// A copy failed on the way: not valid any more.
    Failed,
}

impl core::fmt::Debug for Outcome<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Unchanged => "Unchanged",
            Self::Written => "Written",
            Self::Copied(_) => "Copied",
            Self::Failed => "Failed",
        })
    }
}

/// Makes regions of one kind, for who makes many: a distributed buffer.
pub trait RegionFactory {
    /// The kind.
    type Region: Region;

    /// A region without any page.
    ///
    /// # Errors
    ///
    /// What the memory of its table says.
    fn create(&self, geometry: Geometry) -> Result<Self::Region, RegionError>;
}
