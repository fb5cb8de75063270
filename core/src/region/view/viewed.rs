//! A view's bytes, while they are pinned.

use core::fmt;
use core::mem;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use super::Way;
use super::gathered::Gathered;
use crate::memory::HostAddressable;
use crate::region::{Outcome, Pages, Region, RegionError, Run};

/// Bytes of a region that nobody writes until it is dropped.
pub struct Viewed<'v> {
    pub(super) region: &'v dyn Region,
    pub(super) pages: &'v Pages,
    pub(super) way: Way,
    pub(super) bytes: NonNull<[u8]>,
}

// SAFETY: it lends bytes that are pinned, whichever thread that is in.
unsafe impl Send for Viewed<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for Viewed<'_> {}

impl Viewed<'_> {
    /// How the bytes came to follow one another.
    #[must_use]
    pub const fn way(&self) -> Way {
        self.way
    }
}

impl Deref for Viewed<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes are initialised, for their pages are valid, and pinned for reading.
        unsafe { self.bytes.as_ref() }
    }
}

impl Drop for Viewed<'_> {
    fn drop(&mut self) {
        // SAFETY: pinned when it was made; what was lent has ended with it.
        unsafe { self.region.end_read(self.pages) };
    }
}

/// Bytes of a region that are this thread's until it is dropped or
/// [finished](Self::finish).
pub struct ViewedMut<'v, H: HostAddressable + Clone> {
    pub(super) region: &'v dyn Region,
    pub(super) run: Run,
    pub(super) pages: &'v Pages,
    pub(super) way: Way,
    pub(super) bytes: NonNull<[u8]>,
    pub(super) gathered: &'v mut Gathered<H>,
}

// SAFETY: it lends bytes that are pinned, whichever thread that is in.
unsafe impl<H: HostAddressable + Clone> Send for ViewedMut<'_, H> {}
// SAFETY: as for `Send`; shared, it lends them to be read.
unsafe impl<H: HostAddressable + Clone> Sync for ViewedMut<'_, H> {}

impl<H: HostAddressable + Clone> ViewedMut<'_, H> {
    /// How the bytes came to follow one another.
    #[must_use]
    pub const fn way(&self) -> Way {
        self.way
    }

    /// Ends writing, and says whether what was written got to the region. Of gathered pages
    /// only those that were changed count as written, where the processor can see that.
    ///
    /// # Errors
    ///
    /// What the memories and the region say; pages that were to be copied back are then not
    /// valid any more.
    pub fn finish(mut self) -> Result<(), RegionError> {
        let result = self.end();
        mem::forget(self);
        result
    }

    fn end(&mut self) -> Result<(), RegionError> {
        if self.way != Way::Gathered {
            // SAFETY: pinned when it was made; what was lent has ended.
            unsafe { self.region.end_write(self.pages, Outcome::Written) };
            return Ok(());
        }
        let (result, changed) = self.gathered.write_back(self.region, self.run);
        let outcome = if result.is_ok() { Outcome::Written } else { Outcome::Failed };
        // SAFETY: some of the pages that were pinned when it was made.
        unsafe { self.region.end_write(changed, outcome) };
        changed.complement(self.pages);
        // SAFETY: the others.
        unsafe { self.region.end_write(changed, Outcome::Unchanged) };
        result
    }
}

impl<H: HostAddressable + Clone> Deref for ViewedMut<'_, H> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes are initialised: what held nothing was filled; they are pinned.
        unsafe { self.bytes.as_ref() }
    }
}

impl<H: HostAddressable + Clone> DerefMut for ViewedMut<'_, H> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `deref`; the pages are pinned for writing.
        unsafe { self.bytes.as_mut() }
    }
}

impl<H: HostAddressable + Clone> Drop for ViewedMut<'_, H> {
    /// As [`finish`](Self::finish), but that nobody is told of errors.
    fn drop(&mut self) {
        let _ = self.end();
    }
}

impl fmt::Debug for Viewed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Viewed({} bytes of {}, {:?})", self.len(), self.region.id(), self.way)
    }
}

impl<H: HostAddressable + Clone> fmt::Debug for ViewedMut<'_, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ViewedMut({} bytes of {}, {:?})", self.len(), self.region.id(), self.way)
    }
}
