//! What each kind of region is to the others.

use super::{Division, Geometry, Memo, PageArray, Pages, RegionError, RegionId, Run};
use crate::memory::Place;
pub use crate::sync::Missing;

/// Paged memory of one owner, or what stands for it.
///
/// Kinds of one's own need only this to be read, written and copied like the others.
///
/// # Safety
///
/// - From [`begin_read`](Self::begin_read) to [`end_read`](Self::end_read) nobody writes,
///   frees or moves the pages; from [`begin_write`](Self::begin_write) to
///   [`end_write`](Self::end_write) nobody else uses them at all.
/// - A page that was [kept](Self::keep) stays allocated until it is released as often.
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

    /// Keeps pages, all or none, until they are [released](Self::release) as often: there is
    /// memory for a page as long as somebody keeps it.
    ///
    /// An [`Anchor`](super::Anchor) and a [`ResourceLock`](super::ResourceLock) do both.
    ///
    /// # Errors
    ///
    /// - [`Unallocated`](RegionError::Unallocated), if missing pages are to be refused.
    /// - [`Memory`](RegionError::Memory), if there is none for them.
    /// - [`Unsupported`](RegionError::Unsupported), if the region has no pages of its own.
    fn keep(&self, _pages: &Pages, _missing: Missing) -> Result<(), RegionError> {
        Err(RegionError::Unsupported)
    }

    /// Takes back what [`keep`](Self::keep) did; pages that nobody keeps are freed.
    ///
    /// # Safety
    ///
    /// The pages were kept so.
    unsafe fn release(&self, _pages: &Pages) {}

    /// Who has its pages, if it has none of its own.
    fn division(&self) -> Option<&dyn Division> {
        None
    }

    /// What it remembers of copies into a group of its pages, if it does.
    fn memo(&self, _group: usize) -> Option<&Memo> {
        None
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

    /// As [`place`](Self::place), where there is no need to look whether the page is there.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Safety
    ///
    /// The first page is pinned, and stays so as long as the place is used.
    unsafe fn pinned_place(&self, run: Run) -> Result<Place<'_>, RegionError> {
        self.place(run)
    }

    /// Waits until all copies posted from and to its pages are done: once for each memory
    /// that the pages may be in.
    ///
    /// # Errors
    ///
    /// [`Transport`](RegionError::Transport) or [`Memory`](RegionError::Memory): whatever
    /// was copied may not have arrived.
    fn flush(&self) -> Result<(), RegionError>;

    /// Counts the posted copies that have failed in each memory that its pages may be in, all
    /// together: see [`Memory::failures`](crate::memory::Memory::failures).
    fn failures(&self) -> u32;
}

// SAFETY: each method is that of the region referred to.
unsafe impl<R: Region + ?Sized> Region for &R {
    fn id(&self) -> RegionId {
        (**self).id()
    }

    fn geometry(&self) -> Geometry {
        (**self).geometry()
    }

    fn pages(&self) -> &dyn PageArray {
        (**self).pages()
    }

    fn refresh(&self) -> Result<(), RegionError> {
        (**self).refresh()
    }

    fn keep(&self, pages: &Pages, missing: Missing) -> Result<(), RegionError> {
        (**self).keep(pages, missing)
    }

    unsafe fn release(&self, pages: &Pages) {
        // SAFETY: the caller's promise is that of the method called.
        unsafe { (**self).release(pages) };
    }

    fn division(&self) -> Option<&dyn Division> {
        (**self).division()
    }

    fn memo(&self, group: usize) -> Option<&Memo> {
        (**self).memo(group)
    }

    fn begin_read(&self, pages: &Pages) -> Result<(), RegionError> {
        (**self).begin_read(pages)
    }

    unsafe fn end_read(&self, pages: &Pages) {
        // SAFETY: the caller's promise is that of the method called.
        unsafe { (**self).end_read(pages) };
    }

    fn begin_write(&self, pages: &Pages) -> Result<(), RegionError> {
        (**self).begin_write(pages)
    }

    unsafe fn end_write(&self, pages: &Pages, outcome: Outcome<'_>) {
        // SAFETY: the caller's promise is that of the method called.
        unsafe { (**self).end_write(pages, outcome) };
    }

    fn place(&self, run: Run) -> Result<Place<'_>, RegionError> {
        (**self).place(run)
    }

    unsafe fn pinned_place(&self, run: Run) -> Result<Place<'_>, RegionError> {
        // SAFETY: the caller's promise is that of the method called.
        unsafe { (**self).pinned_place(run) }
    }

    fn flush(&self) -> Result<(), RegionError> {
        (**self).flush()
    }

    fn failures(&self) -> u32 {
        (**self).failures()
    }
}

/// What became of pages that were pinned for writing.
#[derive(Clone, Copy)]
pub enum Outcome<'a> {
    /// Nothing was written.
    Unchanged,
    /// They hold something new: valid, dirty, with a new stamp of the region. All of their
    /// bytes have been written, now or before.
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

/// Makes regions of one kind, for who makes many: a [distributed
/// buffer](super::DistributedBuffer).
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

/// Whatever makes a region of a geometry is a factory.
impl<R: Region, F: Fn(Geometry) -> Result<R, RegionError>> RegionFactory for F {
    type Region = R;

    fn create(&self, geometry: Geometry) -> Result<R, RegionError> {
        self(geometry)
    }
}
