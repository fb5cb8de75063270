//! Pages of a reference, owner by owner.

use super::ReferenceRegion;
use super::owned::Owned;
use crate::memory::HostAddressable;
use crate::region::{Division, Pages, Region, RegionError};

impl<R: Region, H: HostAddressable + Clone> Division for ReferenceRegion<R, H> {
    fn divide(
        &self,
        pages: &mut Pages,
        each: &mut dyn FnMut(&dyn Region, &mut Pages) -> Result<(), RegionError>,
    ) -> Result<(), RegionError> {
        let (mut left, mut part) = (self.copy_of(pages)?, self.no_pages()?);
        pages.clear();
        while !left.is_empty() {
            self.nobodys(&left)?;
            for number in 0..self.regions.len() {
                self.sort(number, &left, &mut part);
                if part.is_empty() {
                    continue;
                }
                let theirs = self.copy_of(&part)?;
                let region = Owned::new(self, number);
                match each(&region, &mut part) {
                    Err(error) if !region.has_moved(&theirs) => return Err(error),
                    Err(_) => continue,
                    Ok(()) => left.remove(&theirs),
                }
                pages.add(&part);
            }
        }
        Ok(())
    }
}
