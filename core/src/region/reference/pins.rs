//! Pins of a reference: pins of whoever has the pages.
//!
//! Pages are pinned region by region in the order of ids, and then [looked at
//! again](super::owned): those that were passed on before they were pinned belong to somebody
//! else. Then all are let go, and it begins anew. What is pinned cannot be passed on, so that it is let go where it was pinned.

use super::owned::Owned;
use super::{NOBODY, ReferenceRegion};
use crate::memory::{HostAddressable, Place};
use crate::region::{Division, Outcome, PageArray, Pages, Region, RegionError, RegionId, Run};

impl<R: Region, H: HostAddressable + Clone> ReferenceRegion<R, H> {
    /// Does `begin` to all pages where they are; `end` takes it back where others are not.
    fn begin(
        &self,
        pages: &Pages,
        begin: impl Fn(&Owned<'_, R, H>, &Pages) -> Result<(), RegionError>,
        end: impl Fn(&R, &Pages),
    ) -> Result<(), RegionError> {
        let (mut begun, mut part) = (self.no_pages()?, self.no_pages()?);
        loop {
            let result = self.begin_where_they_are(pages, &mut begun, &mut part, &begin);
            if result.is_ok() && pages.iter().all(|page| begun.contains(page)) {
                return Ok(());
            }
            self.end(&begun, &end);
            result?;
            self.nobodys(pages)?;
            begun.clear();
            core::hint::spin_loop();
        }
    }

    /// One look at who has which pages; `begun` are those that it went well for.
    fn begin_where_they_are(
        &self,
        pages: &Pages,
        begun: &mut Pages,
        part: &mut Pages,
        begin: impl Fn(&Owned<'_, R, H>, &Pages) -> Result<(), RegionError>,
    ) -> Result<(), RegionError> {
        for number in 0..self.regions.len() {
            self.sort(number, pages, part);
            if part.is_empty() {
                continue;
            }
            let region = Owned::new(self, number);
            match begin(&region, part) {
                Ok(()) => begun.add(part),
                Err(_) if region.has_moved(part) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Does `end` to pages where they are, which they have to be pinned for.
    fn end(&self, pages: &Pages, end: impl Fn(&R, &Pages)) {
        let mut sorted = self.sorted.lock();
        for (number, region) in self.regions.iter().enumerate() {
            self.sort(number, pages, &mut sorted);
            if !sorted.is_empty() {
                end(region, &sorted);
            }
        }
    }

    /// An error if nobody has some of the pages.
    pub(in crate::region) fn nobodys(&self, pages: &Pages) -> Result<(), RegionError> {
        let mut nobodys = pages.iter().filter(|page| self.owners.get(*page) == NOBODY);
        nobodys.next().map_or(Ok(()), |first| {
            Err(RegionError::Unallocated { region: self.id, first, pages: 1 + nobodys.count() })
        })
    }
}

// SAFETY: pages are pinned and lent by the regions that have them, and cannot be passed on
// before they are let go.
unsafe impl<R: Region, H: HostAddressable + Clone> Region for ReferenceRegion<R, H> {
    fn id(&self) -> RegionId {
        self.id
    }

    fn pages(&self) -> &dyn PageArray {
        self
    }

    fn division(&self) -> Option<&dyn Division> {
        Some(self)
    }

    fn refresh(&self) -> Result<(), RegionError> {
        self.regions.iter().try_for_each(Region::refresh)
    }

    fn begin_read(&self, pages: &Pages) -> Result<(), RegionError> {
        // SAFETY: pinned just before.
        let end = |region: &R, pages: &Pages| unsafe { region.end_read(pages) };
        self.begin(pages, |region, pages| region.begin_read(pages), end)
    }

    unsafe fn end_read(&self, pages: &Pages) {
        // SAFETY: the caller's promise; the pages are where they were pinned.
        self.end(pages, |region, pages| unsafe { region.end_read(pages) });
    }

    fn begin_write(&self, pages: &Pages) -> Result<(), RegionError> {
        let end = |region: &R, pages: &Pages| {
            // SAFETY: pinned just before.
            unsafe { region.end_write(pages, Outcome::Unchanged) };
        };
        self.begin(pages, |region, pages| region.begin_write(pages), end)
    }

    unsafe fn end_write(&self, pages: &Pages, outcome: Outcome<'_>) {
        // SAFETY: the caller's promise; the pages are where they were pinned.
        self.end(pages, |region, pages| unsafe { region.end_write(pages, outcome) });
    }

    fn place(&self, run: Run) -> Result<Place<'_>, RegionError> {
        let owner = self.owners.get(run.first);
        let region = self.regions.get(owner as usize).ok_or(RegionError::Unallocated {
            region: self.id,
            first: run.first,
            pages: 1,
        })?;
        region.place(Run { len: self.alike(run, owner), ..run })
    }

    fn flush(&self) -> Result<(), RegionError> {
        // All of them, whatever some say: nothing may be on the way any more.
        self.regions.iter().map(Region::flush).fold(Ok(()), Result::and)
    }

    fn failures(&self) -> u32 {
        self.regions.iter().map(Region::failures).fold(0, u32::wrapping_add)
    }
}
