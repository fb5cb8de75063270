//! Regions whose elements can be accessed.

use crate::memory::{HostAddressable, Memory};
use crate::region::{
    Access, DefaultRegion, Outcome, Pages, Reading, Region, RegionError, WriteTracker, Writing,
};

/// A region that lends its pages to who reads or writes elements: what a
/// [`DistributedBuffer`](super::DistributedBuffer) is made of.
pub trait Accessible: Region {
    /// Pages that are read.
    type Reading<'r>
    where
        Self: 'r;

    /// Pages that are written.
    type Writing<'r>
    where
        Self: 'r;

    /// Pins pages for reading, and lends what they hold.
    ///
    /// # Errors
    ///
    /// As [`Region::begin_read`], and [`Invalid`](RegionError::Invalid) for pages that hold
    /// nothing.
    fn reading(&self, access: &Access<'_>) -> Result<Self::Reading<'_>, RegionError>;

    /// Pins pages for writing and lends them, if it then is `still` right to do so.
    ///
    /// # Errors
    ///
    /// As [`Region::begin_write`].
    fn writing(
        &self,
        access: &Access<'_>,
        still: impl FnOnce(&Pages) -> bool,
    ) -> Result<Option<Self::Writing<'_>>, RegionError>;
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> Accessible for DefaultRegion<M, H, W> {
    type Reading<'r>
        = Reading<'r, M, H, W>
    where
        Self: 'r;

    type Writing<'r>
        = Writing<'r, M, H, W>
    where
        Self: 'r;

    fn reading(&self, access: &Access<'_>) -> Result<Reading<'_, M, H, W>, RegionError> {
        self.read(access)
    }

    fn writing(
        &self,
        access: &Access<'_>,
        still: impl FnOnce(&Pages) -> bool,
    ) -> Result<Option<Writing<'_, M, H, W>>, RegionError> {
        let pages = self.select(access)?;
        self.begin_write(&pages)?;
        if !still(&pages) {
            // SAFETY: pinned above, and not lent to anybody.
            unsafe { self.end_write(&pages, Outcome::Unchanged) };
            return Ok(None);
        }
        // SAFETY: pinned above, and left to it.
        unsafe { Writing::of_pinned(self, pages) }.map(Some)
    }
}
