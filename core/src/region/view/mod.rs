//! Regions as others want them: bytes that follow one another.

mod gathered;
mod mapper;
mod viewed;

use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;

pub use self::mapper::{Mapper, Unmapped};
pub use self::viewed::{Viewed, ViewedMut};

use self::gathered::Gathered;
use super::places::clear;
use super::{Outcome, PageSet, Region, RegionError, Run};
use crate::bits;
use crate::memory::HostAddressable;

/// How the bytes of a region are made to follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// They do: a pointer to them.
    Direct,
    /// Their pages are mapped a second time, in order.
    Mapped,
    /// They are copied to one block, and what is changed there is copied back.
    Gathered,
}

/// Bytes of a region as one slice, for who knows nothing of regions.
///
/// The view is what is kept: it pins nothing. [`read`](Self::read) and
/// [`write`](Self::write) pin the pages and give the slice until they end. How they come by
/// it, each time, is the cheapest [`Way`] there is, unless it is [said](Self::by):
///
/// | way | where | cost |
/// |---|---|---|
/// | [`Direct`](Way::Direct) | the processor can use the pages, which follow one another | none |
/// | [`Mapped`](Way::Mapped) | the [mapper](Self::mapped_by) can map them | once, and for what has moved since |
/// | [`Gathered`](Way::Gathered) | always | a copy each time |
///
/// `H` is where the copy is, and a bit for each page.
pub struct View<'r, H: HostAddressable + Clone, M: Mapper = Unmapped> {
    region: &'r dyn Region,
    bytes: Range<usize>,
    run: Run,
    pages: PageSet<H>,
    way: Option<Way>,
    mapper: M,
    gathered: Gathered<H>,
}

impl<'r, H: HostAddressable + Clone> View<'r, H> {
    /// A view of these bytes of the region.
    ///
    /// # Errors
    ///
    /// - [`Access`](RegionError::Access) if the region has not got them.
    /// - [`Memory`](RegionError::Memory) if there is no room for a bit for each page.
    pub fn new(
        region: &'r dyn Region,
        bytes: Range<usize>,
        memory: H,
    ) -> Result<Self, RegionError> {
        let geometry = region.geometry();
        if bytes.end > geometry.bytes() || bytes.start > bytes.end {
            let at = bytes.start.max(geometry.bytes());
            return Err(RegionError::Access { at, bytes: geometry.bytes() });
        }
        let first = geometry.page_of(bytes.start);
        let end = bytes.end.div_ceil(geometry.page_size());
        let run = Run { first, len: end.saturating_sub(first) };
        let mut pages = PageSet::empty(geometry, memory.clone())?;
        bits::assign(pages.words_mut(), run.first..run.first + run.len, true);
        let gathered = Gathered::new(geometry, memory)?;
        Ok(Self { region, bytes, run, pages, way: None, mapper: Unmapped, gathered })
    }
}

impl<'r, H: HostAddressable + Clone, M: Mapper> View<'r, H, M> {
    /// The same view, with somebody who can map pages.
    #[must_use]
    pub fn mapped_by<N: Mapper>(self, mapper: N) -> View<'r, H, N> {
        let Self { region, bytes, run, pages, way, gathered, .. } = self;
        View { region, bytes, run, pages, way, mapper, gathered }
    }

    /// Says which way to go. Pages that cannot be mapped, as where there would be too many
    /// mappings, are gathered.
    #[must_use]
    pub fn by(self, way: Way) -> Self {
        Self { way: Some(way), ..self }
    }

    /// Pins the pages for reading and gives their bytes, until it is dropped.
    ///
    /// # Errors
    ///
    /// - [`Unallocated`](RegionError::Unallocated) and [`Invalid`](RegionError::Invalid) for
    ///   pages that hold nothing.
    /// - [`Unsupported`](RegionError::Unsupported) if the way was to be direct and is not.
    /// - What the region and the memories say.
    pub fn read(&mut self) -> Result<Viewed<'_>, RegionError> {
        self.region.begin_read(&self.pages)?;
        let found = self.valid().and_then(|()| self.assemble()).inspect_err(|_| {
            // SAFETY: pinned above, and not lent to anybody.
            unsafe { self.region.end_read(&self.pages) };
        });
        let (way, bytes) = found?;
        Ok(Viewed { region: self.region, pages: &self.pages, way, bytes })
    }

    /// Pins the pages for writing and gives their bytes, until it is dropped or
    /// [finished](ViewedMut::finish). Pages that hold nothing yet read as zero.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), but for `Invalid`.
    pub fn write(&mut self) -> Result<ViewedMut<'_, H>, RegionError> {
        self.region.begin_write(&self.pages)?;
        let found = self.clear().and_then(|()| self.assemble()).inspect_err(|_| {
            // SAFETY: pinned above, and not lent to anybody.
            unsafe { self.region.end_write(&self.pages, Outcome::Unchanged) };
        });
        let (way, bytes) = found?;
        let Self { region, run, pages, gathered, .. } = self;
        Ok(ViewedMut { region: *region, run: *run, pages, way, bytes, gathered })
    }

    /// An error if pages hold nothing.
    fn valid(&self) -> Result<(), RegionError> {
        let mut invalid = self.invalid();
        invalid.next().map_or(Ok(()), |first| {
            let pages = 1 + invalid.count();
            Err(RegionError::Invalid { region: self.region.id(), first, pages })
        })
    }

    /// Fills pages that hold nothing.
    fn clear(&self) -> Result<(), RegionError> {
        // SAFETY: they are pinned for writing.
        unsafe { clear(self.region, self.invalid()) }
    }

    fn invalid(&self) -> impl Iterator<Item = usize> + '_ {
        // By groups, for a region of many owners has to look for each of them.
        let array = self.region.pages();
        let groups = self.pages.groups().map(|(group, bits)| (group, bits & !array.valid(group)));
        let of = |(group, bits): (usize, u64)| {
            (0..64).filter(move |bit| bits >> bit & 1 != 0).map(move |bit| group * 64 + bit)
        };
        groups.filter(|&(_, bits)| bits != 0).flat_map(of)
    }

    /// Makes the bytes follow one another, whose pages are pinned.
    fn assemble(&mut self) -> Result<(Way, NonNull<[u8]>), RegionError> {
        let found = self.direct().map(|start| (Way::Direct, start)).or_else(|| self.mapped());
        let (way, start) = match (found, self.way) {
            (Some(found), _) => found,
            (None, Some(Way::Direct)) => return Err(RegionError::Unsupported),
            (None, _) => (Way::Gathered, self.gathered.fetch(self.region, self.run)?),
        };
        let skip = self.bytes.start - self.region.geometry().bytes_of(self.run).start;
        // SAFETY: the bytes of the run are there, of which these are some.
        let start = unsafe { start.add(skip) };
        Ok((way, NonNull::slice_from_raw_parts(start, self.bytes.len())))
    }

    fn direct(&self) -> Option<NonNull<u8>> {
        if self.way.is_some_and(|way| way != Way::Direct) {
            return None;
        }
        if self.run.len == 0 {
            return Some(NonNull::dangling());
        }
        let place = self.region.place(self.run).ok()?;
        let is_all = place.len == self.region.geometry().bytes_of(self.run).len();
        place.memory.host(place.address).filter(|_| is_all)
    }

    fn mapped(&mut self) -> Option<(Way, NonNull<u8>)> {
        if self.way.is_some_and(|way| way != Way::Mapped) {
            return None;
        }
        let start = self.mapper.map(self.region, self.run, self.way.is_none())?;
        Some((Way::Mapped, start))
    }
}

impl<H: HostAddressable + Clone, M: Mapper> fmt::Debug for View<'_, H, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("region", &self.region.id())
            .field("bytes", &self.bytes)
            .field("way", &self.way)
            .field("mapper", &self.mapper)
            .finish_non_exhaustive()
    }
}
