//! What the pages of a reference are: those of whoever has them.

use super::ReferenceRegion;
use crate::memory::HostAddressable;
use crate::region::{AtomicStamp, Geometry, PageArray, Region, RegionId, Stamp};

impl<R: Region, H: HostAddressable + Clone> ReferenceRegion<R, H> {
    fn array(&self, number: u32) -> Option<&dyn PageArray> {
        self.regions.get(number as usize).map(Region::pages)
    }

    /// Bits of a group, each of the page's owner.
    fn bits(&self, group: usize, bits: impl Fn(&dyn PageArray) -> u64) -> u64 {
        self.owners.in_group(group).fold(0, |all, (number, pages)| {
            all | self.array(number).map_or(0, |array| bits(array) & pages)
        })
    }
}

impl<R: Region, H: HostAddressable + Clone> PageArray for ReferenceRegion<R, H> {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn allocated(&self, group: usize) -> u64 {
        self.bits(group, |array| array.allocated(group))
    }

    fn valid(&self, group: usize) -> u64 {
        self.bits(group, |array| array.valid(group))
    }

    fn dirty(&self, group: usize) -> u64 {
        self.bits(group, |array| array.dirty(group))
    }

    /// The sum of all that count up: how often pages were passed on, and what each region
    /// that may have some has counted.
    fn changes(&self, group: usize) -> u32 {
        let counts = self.regions.iter().map(|region| region.pages().changes(group));
        counts.fold(self.owners.passed(group), u32::wrapping_add)
    }

    fn stamp(&self, page: usize) -> Stamp {
        self.array(self.owners.get(page)).map_or(Stamp::default(), |array| array.stamp(page))
    }

    fn stamps(&self, group: usize) -> Option<&[AtomicStamp]> {
        self.array(self.owners.whole(group)?)?.stamps(group)
    }

    fn owner(&self, page: usize) -> RegionId {
        self.array(self.owners.get(page)).map_or(self.id, |array| array.owner(page))
    }
}
