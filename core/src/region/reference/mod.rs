//! The region that has no data, but knows who has it.

mod division;
mod owned;
mod owners;
mod pages;
mod passing;
mod pins;

use core::fmt;

use spin::Mutex;

use self::owners::{MOST, NOBODY, Owners};
use super::array::Array;
use super::{Geometry, PageSet, Pages, Region, RegionError, RegionId, Run};
use crate::memory::HostAddressable;
use crate::sync::atomic::AtomicU32;

/// The point of truth: a region whose pages are those of other regions, each of one owner.
///
/// It is read, written and copied like the regions that own its pages, and holds no data:
/// what is done to a page is done to its owner's. Copies from and to it go to as many
/// regions as own what is copied. A page that nobody owns is not allocated.
///
/// | | what becomes of the contents |
/// |---|---|
/// | [`own`](Self::own) | they are from now on what the new owner has |
/// | [`migrate`](Self::migrate) | they are copied to the new owner, if it has not got them |
///
/// What it owns an owner keeps: it stays, though nobody else holds it. An owner changes while
/// nobody has the page pinned, in either region.
///
/// Owners are told by their ids. `R` may be a reference, `&dyn Region` for owners of several
/// kinds, or the region itself. The table is in `H`: 4 bytes a page.
#[doc(alias = "distributed_reference_region")]
pub struct ReferenceRegion<R: Region, H: HostAddressable + Clone> {
    id: RegionId,
    geometry: Geometry,
    /// Ascending by id, which is the order that pages are pinned in.
    regions: Array<R, H>,
    owners: Owners<H>,
    /// The words of [`Transit`](crate::sync::Transit).
    transit: [AtomicU32; 2],
    /// Where pages are sorted by owner when there is nobody to tell that memory is short.
    sorted: Mutex<PageSet<H>>,
    memory: H,
}

impl<R: Region, H: HostAddressable + Clone> ReferenceRegion<R, H> {
    /// A region of pages that nobody owns yet, but some of `regions` may.
    ///
    /// # Errors
    ///
    /// - [`Geometry`](RegionError::Geometry) if not all of them have that geometry.
    /// - [`Unsupported`](RegionError::Unsupported) if two of them have the same id.
    /// - [`Memory`](RegionError::Memory) if there is no room for the table.
    pub fn new(
        id: RegionId,
        geometry: Geometry,
        regions: impl IntoIterator<Item = R, IntoIter: ExactSizeIterator>,
        memory: H,
    ) -> Result<Self, RegionError> {
        Self::of(id, geometry, regions.into_iter().map(Ok), memory)
    }

    /// The same, of regions that are made meanwhile.
    pub(super) fn of(
        id: RegionId,
        geometry: Geometry,
        regions: impl ExactSizeIterator<Item = Result<R, RegionError>>,
        memory: H,
    ) -> Result<Self, RegionError> {
        let mut regions = Array::new(regions, memory.clone())?;
        regions.as_mut().sort_unstable_by_key(Region::id);
        check(&regions, geometry)?;
        let owners = Owners::new(geometry, &memory)?;
        let sorted = Mutex::new(PageSet::empty(geometry, memory.clone())?);
        let transit = [const { AtomicU32::new(0) }; 2];
        Ok(Self { id, geometry, regions, owners, transit, sorted, memory })
    }

    /// The regions that may own pages, in the order of their ids.
    #[must_use]
    pub fn regions(&self) -> &[R] {
        &self.regions
    }

    /// The region with this id.
    #[must_use]
    pub fn region(&self, id: RegionId) -> Option<&R> {
        self.regions.get(self.number(id).ok()?)
    }

    /// Which pages are whose, in ascending order: as many at a time as follow one another.
    pub fn runs(&self) -> impl Iterator<Item = (Run, Option<RegionId>)> + '_ {
        let mut first = 0;
        core::iter::from_fn(move || {
            let whose = (first < self.geometry.pages()).then(|| self.owners.get(first))?;
            let len = self.alike(Run { first, len: self.geometry.pages() - first }, whose);
            let run = Run { first, len };
            first += len;
            Some((run, self.regions.get(whose as usize).map(Region::id)))
        })
    }

    /// How many pages from the first of the run on have that owner, at least one.
    fn alike(&self, run: Run, owner: u32) -> usize {
        let mut others = (1..run.len).filter(|next| self.owners.get(run.first + next) != owner);
        others.next().unwrap_or(run.len)
    }

    /// Where in [`regions`](Self::regions) it is.
    pub(super) fn number(&self, id: RegionId) -> Result<usize, RegionError> {
        let found = self.regions.binary_search_by_key(&id, Region::id);
        found.map_err(|_| RegionError::Unsupported)
    }

    /// The pages that the region of this number has, of `pages`.
    fn sort(&self, number: usize, pages: &Pages, sorted: &mut Pages) {
        sorted.clear();
        for ((group, bits), sorted) in pages.words().iter().enumerate().zip(sorted.words_mut()) {
            if *bits != 0 {
                *sorted = bits & self.owners.of(number as u32, group);
            }
        }
    }

    fn no_pages(&self) -> Result<PageSet<H>, RegionError> {
        Ok(PageSet::empty(self.geometry, self.memory.clone())?)
    }
}

fn check(regions: &[impl Region], geometry: Geometry) -> Result<(), RegionError> {
    if let Some(other) = regions.iter().find(|it| it.geometry() != geometry) {
        return Err(RegionError::Geometry { source: other.geometry(), destination: geometry });
    }
    if regions.len() > MOST || regions.windows(2).any(|two| two[0].id() == two[1].id()) {
        return Err(RegionError::Unsupported);
    }
    Ok(())
}

impl<R: Region, H: HostAddressable + Clone> Drop for ReferenceRegion<R, H> {
    fn drop(&mut self) {
        let mut sorted = self.sorted.lock();
        for (number, region) in self.regions.iter().enumerate() {
            for group in 0..self.owners.groups() {
                sorted.words_mut()[group] = self.owners.of(number as u32, group);
            }
            // SAFETY: what a region owns here it was told to keep, once.
            unsafe { region.release(&sorted) };
        }
    }
}

impl<R: Region, H: HostAddressable + Clone> fmt::Debug for ReferenceRegion<R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferenceRegion")
            .field("id", &self.id)
            .field("geometry", &self.geometry)
            .field("regions", &self.regions.len())
            .finish_non_exhaustive()
    }
}
