//! Pages of a reference, owner by owner.

use super::ReferenceRegion;
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
            for (number, region) in self.regions.iter().enumerate() {
                self.sort(number, &left, &mut part);
                if part.is_empty() {
                    continue;
                }
                let theirs = self.copy_of(&part)?;
                match each(region, &mut part) {
                    Err(error) if !self.is_late(number as u32, &theirs) => return Err(error),
                    Err(_) => continue,
                    Ok(()) => left.remove(&theirs),
                }
                pages.add(&part);
            }
        }
        Ok(())
    }
}
