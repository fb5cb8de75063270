//! Two regions of the processor's memory, one of which is to be as the other.

use core::{num::NonZeroU32, ptr};
use std::sync::Arc;

use anymem::{
    memory::HostMemory,
    region::{
        Access, Anchor, Copied, DefaultRegion, Geometry, Options, PageSet, Pages, Region,
        RegionError, RegionId, Run, Settings, update,
    },
};

/// Bytes of a page.
pub(super) const PAGE: usize = 4096;

/// Numbers in a page.
pub(super) const WORDS: usize = PAGE / size_of::<u64>();

/// Pages that are written, copied or asked for.
pub(super) type Set = PageSet<HostMemory>;

type HostRegion = DefaultRegion<HostMemory, HostMemory>;

/// Bytes and pages of a region of so many pages.
pub(super) fn geometry(pages: usize) -> Result<Geometry, RegionError> {
    Geometry::new(pages * PAGE, PAGE).ok_or(RegionError::Unsupported)
}

/// A number for a region, counted from 0.
pub(super) fn region_id(number: usize) -> RegionId {
    RegionId::new(NonZeroU32::MIN.saturating_add(number as u32))
}

/// A source, and a copy of it.
///
/// Nobody else uses them, so that their bytes may also be written and copied without a word
/// to the regions: for all who are measured they are at the same place.
#[derive(Debug)]
pub(super) struct Pair {
    source: Home,
    copy: Home,
}

/// A region with all its pages.
#[derive(Debug)]
struct Home {
    region: Arc<HostRegion>,
    /// Its first byte, from which on there are all.
    bytes: *mut u8,
    _anchor: Anchor<Arc<HostRegion>, HostMemory>,
}

impl Home {
    fn new(id: RegionId, geometry: Geometry) -> Result<Self, RegionError> {
        let region = HostRegion::new(Settings::new(id, geometry), HostMemory, HostMemory)?;
        let region = Arc::new(region);
        let all = Access::All.pages(geometry, HostMemory)?;
        let anchor = Anchor::new(Arc::clone(&region), all)?;
        let place = region.place(Run { first: 0, len: geometry.pages() })?;
        let bytes = place.memory.host(place.address).ok_or(RegionError::Unsupported)?.as_ptr();
        Ok(Self { region, bytes, _anchor: anchor })
    }

    fn word(&self, page: usize) -> *mut u64 {
        self.bytes.wrapping_add(page * PAGE).cast()
    }
}

impl Pair {
    /// Regions of so many pages that hold the same.
    pub(super) fn new(pages: usize) -> Result<Self, RegionError> {
        let geometry = geometry(pages)?;
        let source = Home::new(region_id(0), geometry)?;
        let pair = Self { source, copy: Home::new(region_id(1), geometry)? };
        let mut all = Access::All.pages(geometry, HostMemory)?;
        pair.write(&all, 0)?;
        pair.update(&mut all)?;
        Ok(pair)
    }

    /// The bytes and pages of each.
    pub(super) fn geometry(&self) -> Geometry {
        self.source.region.geometry()
    }

    /// No pages.
    pub(super) fn none(&self) -> Result<Set, RegionError> {
        Ok(Set::empty(self.geometry(), HostMemory)?)
    }

    /// Writes a word to each of some pages of the source.
    pub(super) fn write(&self, pages: &Pages, word: u64) -> Result<(), RegionError> {
        let mut writing = self.source.region.write(&Access::Pages(pages))?;
        let mut all = pages.runs().flat_map(|run| run.first..run.first + run.len);
        all.try_for_each(|page| writing.set(page * WORDS, word))
    }

    /// Brings those of `pages` up to date that are stale; they are left in it.
    pub(super) fn update(&self, pages: &mut Pages) -> Result<Copied, RegionError> {
        update(&*self.copy.region, &*self.source.region, pages, Options::new())
    }

    /// Writes a word to each page of a run of the source; the region knows nothing of it.
    pub(super) fn write_bare(&self, run: Run, word: u64) {
        for page in run.first..run.first + run.len {
            // SAFETY: in the region's block, aligned, and nobody else uses it meanwhile.
            unsafe { self.source.word(page).write(word) };
        }
    }

    /// Copies a run; the regions know nothing of it.
    pub(super) fn copy_bare(&self, run: Run) {
        let (from, to) = (self.source.word(run.first), self.copy.word(run.first));
        // SAFETY: in the regions' blocks, and nobody else uses them meanwhile.
        unsafe { ptr::copy_nonoverlapping(from.cast::<u8>(), to.cast(), run.len * PAGE) };
    }

    /// Whether each page of a run of the copy begins with `word`.
    pub(super) fn has(&self, run: Run, word: u64) -> bool {
        // SAFETY: in the region's block, aligned, and nobody else uses it meanwhile.
        (run.first..run.first + run.len).all(|page| unsafe { self.copy.word(page).read() } == word)
    }
}
