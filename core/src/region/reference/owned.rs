//! What one region has of a reference's pages.

use super::ReferenceRegion;
use crate::memory::{HostAddressable, Place};
use crate::region::{Memo, Missing, Outcome, PageArray, Pages, Region, RegionError, RegionId, Run};
use crate::sync::atomic::{AtomicBool, Ordering};

/// A region, of which only those pages can be pinned that it has the truth of: who copies from
/// or to it does not miss that a page has got another owner meanwhile.
pub(super) struct Owned<'r, R: Region, H: HostAddressable + Clone> {
    reference: &'r ReferenceRegion<R, H>,
    /// Which of its regions.
    number: usize,
    /// Whether pages could not be pinned because they had another owner.
    moved: AtomicBool,
}

impl<'r, R: Region, H: HostAddressable + Clone> Owned<'r, R, H> {
    pub(super) const fn new(reference: &'r ReferenceRegion<R, H>, number: usize) -> Self {
        Self { reference, number, moved: AtomicBool::new(false) }
    }

    fn region(&self) -> &'r R {
        &self.reference.regions[self.number]
    }

    /// Whether an error about these pages may be because they have moved.
    pub(super) fn has_moved(&self, pages: &Pages) -> bool {
        self.moved.load(Ordering::Relaxed) || !self.has(pages)
    }

    fn has(&self, pages: &Pages) -> bool {
        self.reference.has(self.number as u32, pages)
    }

    /// Looks whether it still has pages that it was asked to pin.
    fn look(&self, pages: &Pages) -> Result<(), RegionError> {
        if self.has(pages) {
            return Ok(());
        }
        self.moved.store(true, Ordering::Relaxed);
        Err(RegionError::Busy { page: pages.first().unwrap_or(0) })
    }
}

// SAFETY: each method is that of the region, which lends less.
unsafe impl<R: Region, H: HostAddressable + Clone> Region for Owned<'_, R, H> {
    fn id(&self) -> RegionId {
        self.region().id()
    }

    fn pages(&self) -> &dyn PageArray {
        self.region().pages()
    }

    fn refresh(&self) -> Result<(), RegionError> {
        self.region().refresh()
    }

    fn keep(&self, pages: &Pages, missing: Missing) -> Result<(), RegionError> {
        self.region().keep(pages, missing)
    }

    unsafe fn release(&self, pages: &Pages) {
        // SAFETY: the caller's promise is that of the method called.
        unsafe { self.region().release(pages) };
    }

    fn memo(&self, group: usize) -> Option<&Memo> {
        self.region().memo(group)
    }

    fn begin_read(&self, pages: &Pages) -> Result<(), RegionError> {
        self.region().begin_read(pages)?;
        self.look(pages).inspect_err(|_| {
            // SAFETY: pinned just now, and not lent to anybody.
            unsafe { self.region().end_read(pages) };
        })
    }

    unsafe fn end_read(&self, pages: &Pages) {
        // SAFETY: the caller's promise is that of the method called.
        unsafe { self.region().end_read(pages) };
    }

    fn begin_write(&self, pages: &Pages) -> Result<(), RegionError> {
        self.region().begin_write(pages)?;
        self.look(pages).inspect_err(|_| {
            // SAFETY: pinned just now, and not lent to anybody.
            unsafe { self.region().end_write(pages, Outcome::Unchanged) };
        })
    }

    unsafe fn end_write(&self, pages: &Pages, outcome: Outcome<'_>) {
        // SAFETY: the caller's promise is that of the method called.
        unsafe { self.region().end_write(pages, outcome) };
    }

    fn place(&self, run: Run) -> Result<Place<'_>, RegionError> {
        self.region().place(run)
    }

    unsafe fn pinned_place(&self, run: Run) -> Result<Place<'_>, RegionError> {
        // SAFETY: the caller's promise is that of the method called.
        unsafe { self.region().pinned_place(run) }
    }

    fn flush(&self) -> Result<(), RegionError> {
        self.region().flush()
    }

    fn failures(&self) -> u32 {
        self.region().failures()
    }
}
