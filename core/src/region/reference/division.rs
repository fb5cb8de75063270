//! Pages of a reference, owner by owner.

use super::ReferenceRegion;
use super::passing::without;
use crate::memory::HostAddressable;
use crate::region::{Division, Pages, Region, RegionError};

impl<R: Region, H: HostAddressable + Clone> Division for ReferenceRegion<R, H> {
    fn divide(
        &self,
        pages: &mut Pages,
        each: &mut dyn FnMut(&dyn Region, &mut Pages) -> Result<(), RegionError>,
    ) -> Result<(), RegionError> {
        let (mut left, mut part) = (self.copy_of(pages)?, self.no_pages()?);
        pages.words_mut().fill(0);
        while left.first().is_some() {
            self.nobodys(&left)?;
            for (number, region) in self.regions.iter().enumerate() {
                self.sort(number, &left, &mut part);
                if part.first().is_none() {
                    continue;
                }
                let theirs = self.copy_of(&part)?;
                match each(region, &mut part) {
                    Err(error) if !self.is_late(number as u32, &theirs) => return Err(error),
                    Err(_) => continue,
                    Ok(()) => without(&mut left, &theirs),
                }
                for (all, part) in pages.words_mut().iter_mut().zip(part.words()) {
                    *all |= part;
                }
            }
        }
        Ok(())
    }
}
