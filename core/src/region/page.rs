//! Pages, and the array of them that each region has.

use core::ops::Range;

use super::{AtomicStamp, Geometry, RegionId, Stamp};

/// A page of a region, as it was when it was asked for.
pub trait Page {
    /// Which one.
    fn index(&self) -> usize;

    /// Its bytes in the region.
    fn bytes(&self) -> Range<usize>;

    /// The region whose memory it is in.
    fn owner(&self) -> RegionId;

    /// Whether there is memory for it.
    fn is_allocated(&self) -> bool;

    /// Whether it holds something.
    fn is_valid(&self) -> bool;

    /// Whether its region wrote it since it was last copied here or its changes were taken.
    fn is_dirty(&self) -> bool;

    /// What it holds.
    fn stamp(&self) -> Stamp;
}

/// The pages of a region.
///
/// Bits come 64 pages at a time: those of page `i` are bit `i % 64` of group `i / 64`. Bits
/// of pages that are not there are 0. What is told may be over by then, unless the pages are
/// pinned: [`Region::begin_read`](super::Region::begin_read).
pub trait PageArray: Sync {
    /// Bytes and pages.
    fn geometry(&self) -> Geometry;

    /// Which pages there is memory for.
    fn allocated(&self, group: usize) -> u64;

    /// Which pages hold something; all of them are allocated.
    fn valid(&self, group: usize) -> u64;

    /// Which pages the region wrote since they were last copied here or their changes were
    /// taken; all of them are valid.
    fn dirty(&self, group: usize) -> u64;

    /// A number that counts up, and has done so once bits or stamps of the group have changed.
    ///
    /// It is what makes it cheap to see that nothing has: read it before what it is about.
    fn changes(&self, group: usize) -> u32;

    /// What the page holds.
    fn stamp(&self, page: usize) -> Stamp;

    /// What the pages of a group hold, where the array has it in one piece; that makes it
    /// quick to compare.
    fn stamps(&self, _group: usize) -> Option<&[AtomicStamp]> {
        None
    }

    /// The region whose memory the page is in.
    fn owner(&self, page: usize) -> RegionId;

    /// All of one page; `None` if there is no such page.
    fn page(&self, index: usize) -> Option<PageInfo> {
        let geometry = self.geometry();
        if index >= geometry.pages() {
            return None;
        }
        let (group, bit) = (index / 64, 1 << (index % 64));
        Some(PageInfo {
            index,
            geometry,
            owner: self.owner(index),
            allocated: self.allocated(group) & bit != 0,
            valid: self.valid(group) & bit != 0,
            dirty: self.dirty(group) & bit != 0,
            stamp: self.stamp(index),
        })
    }
}

/// What a [`PageArray`] tells of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageInfo {
    index: usize,
    geometry: Geometry,
    owner: RegionId,
    allocated: bool,
    valid: bool,
    dirty: bool,
    stamp: Stamp,
}

impl Page for PageInfo {
    fn index(&self) -> usize {
        self.index
    }

    fn bytes(&self) -> Range<usize> {
        self.geometry.bytes_of(super::Run { first: self.index, len: 1 })
    }

    fn owner(&self) -> RegionId {
        self.owner
    }

    fn is_allocated(&self) -> bool {
        self.allocated
    }

    fn is_valid(&self) -> bool {
        self.valid
    }

    fn is_dirty(&self) -> bool {
        self.dirty
    }

    fn stamp(&self) -> Stamp {
        self.stamp
    }
}
