//! What keeps pages: anchors, which are data handles, and resource locks.

use core::fmt;
use core::ops::Deref;

use super::{Missing, PageSet, Pages, Region, RegionError};
use crate::memory::HostAddressable;

/// What leads to a region, and always to the same one.
///
/// # Safety
///
/// To dereference it yields the same region as long as it is there.
pub unsafe trait RegionHandle: Deref<Target: Region> {}

// SAFETY: a reference leads to what it refers to.
unsafe impl<R: Region + ?Sized> RegionHandle for &R {}
// SAFETY: it leads to what it owns, which is not exchanged through a shared reference.
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
unsafe impl<R: Region + ?Sized> RegionHandle for alloc::sync::Arc<R> {}

/// Pages that are kept until it is dropped.
struct Kept<R: RegionHandle, H: HostAddressable> {
    region: R,
    pages: PageSet<H>,
}

impl<R: RegionHandle, H: HostAddressable> Kept<R, H> {
    fn new(region: R, pages: PageSet<H>, missing: Missing) -> Result<Self, RegionError> {
        region.keep(&pages, missing)?;
        Ok(Self { region, pages })
    }
}

impl<R: RegionHandle, H: HostAddressable> Drop for Kept<R, H> {
    fn drop(&mut self) {
        // SAFETY: kept by `new`, and the set was not changed since.
        unsafe { self.region.release(&self.pages) };
    }
}

/// A data handle: its pages have memory as long as it is there, and are freed with the last
/// handle or lock.
///
/// The region is borrowed, or held by whatever leads to it. Forgetting an anchor leaks.
#[doc(alias = "DataHandle")]
pub struct Anchor<R: RegionHandle, H: HostAddressable>(Kept<R, H>);

impl<R: RegionHandle, H: HostAddressable> Anchor<R, H> {
    /// Keeps pages, with memory for those that have none yet.
    ///
    /// # Errors
    ///
    /// As [`Region::keep`]; nothing has changed then.
    pub fn new(region: R, pages: PageSet<H>) -> Result<Self, RegionError> {
        Ok(Self(Kept::new(region, pages, Missing::Allocate)?))
    }

    /// The pages that it keeps.
    #[must_use]
    pub fn pages(&self) -> &Pages {
        &self.0.pages
    }

    /// Their region.
    pub fn region(&self) -> &R::Target {
        &self.0.region
    }
}

/// Pages that stay though nobody refers to them any more, for they will be used again.
///
/// Unlike an [`Anchor`] it provides no memory: it is for pages that hold something.
pub struct ResourceLock<R: RegionHandle, H: HostAddressable>(Kept<R, H>);

impl<R: RegionHandle, H: HostAddressable> ResourceLock<R, H> {
    /// Keeps pages that have memory now.
    ///
    /// # Errors
    ///
    /// As [`Region::keep`]; nothing has changed then.
    pub fn new(region: R, pages: PageSet<H>) -> Result<Self, RegionError> {
        Ok(Self(Kept::new(region, pages, Missing::Refuse)?))
    }

    /// The pages that it keeps.
    #[must_use]
    pub fn pages(&self) -> &Pages {
        &self.0.pages
    }

    /// Lets go of the pages; those that nobody refers to are freed. So does dropping it.
    pub fn release(self) {}
}

impl<R: RegionHandle, H: HostAddressable> fmt::Debug for Anchor<R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Anchor({}, {:?})", self.0.region.id(), self.pages())
    }
}

impl<R: RegionHandle, H: HostAddressable> fmt::Debug for ResourceLock<R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceLock({}, {:?})", self.0.region.id(), self.pages())
    }
}
