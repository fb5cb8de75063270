//! Elements that several regions have copies of, as far as they use them.

mod accessible;
mod accessor;
mod whole;

use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;

use bytemuck::Pod;
use spin::Mutex;

pub use self::accessible::Accessible;
pub use self::accessor::Accessor;

use self::whole::whole_pages;
use super::array::Array;
use super::{
    Access, Anchor, Geometry, Missing, Options, PageSet, Pages, ReferenceRegion, Region,
    RegionError, RegionFactory, RegionId, update,
};
use crate::memory::HostAddressable;

/// `len` elements of any number of regions: each has what is used there, and what was written
/// in one is found in all.
///
/// Which region has the truth of a page, a [`ReferenceRegion`] knows. Before an access the
/// region gets the pages that it lacks or that are stale there, of those that the access means,
/// and no others:
///
/// | accessor | what it gets before | whose the pages are then |
/// |---|---|---|
/// | [`read`](Self::read) | what is stale | as before |
/// | [`read_write`](Self::read_write) | what is stale | this region's |
/// | [`write`](Self::write) | what is stale of pages that are not all overwritten | this region's |
///
/// Accessors wait for others that are in their way: many read a page at a time, or one writes
/// it. A thread that has one should not ask for another one that is in its way, for it would
/// wait for itself. Several regions may write different pages at a time.
///
/// A region keeps the copies that it got until they are [evicted](Self::evict).
///
/// ```
/// use core::num::NonZeroU32;
///
/// use anymem_core::memory::ArrayMemory;
/// use anymem_core::region::{
///     Access, DefaultRegion, DistributedBuffer, Geometry, RegionError, RegionId, Settings,
/// };
///
/// let id = |number| RegionId::new(NonZeroU32::new(number).expect("not 0"));
/// let mut bytes = vec![0; 1 << 16];
/// let memory = &ArrayMemory::new(&mut bytes);
/// let region = |number| {
///     move |geometry| DefaultRegion::new(Settings::new(id(number), geometry), memory, memory)
/// };
/// let buffer = DistributedBuffer::<f64, _, _>::new(id(9), 1000, 512, [1, 2].map(region), memory)?;
/// let range = buffer.bytes_of(10..20);
/// buffer.write(id(1), &Access::All)?.set(15, 0.5)?;
/// let there = buffer.read(id(2), &Access::Ranges(&[range]))?;
/// assert_eq!(there.get::<f64>(15)?, 0.5);
/// # Ok::<(), RegionError>(())
/// ```
#[doc(alias = "distributed_buffer")]
pub struct DistributedBuffer<T, R: Region, H: HostAddressable + Clone> {
    truth: ReferenceRegion<R, H>,
    /// The copies that each region keeps.
    copies: Array<Mutex<PageSet<H>>, H>,
    len: usize,
    memory: H,
    _elements: PhantomData<fn() -> T>,
}

impl<T: Pod, R: Accessible, H: HostAddressable + Clone> DistributedBuffer<T, R, H> {
    /// A buffer of `len` elements, in pages of `page` bytes, with a region of each factory.
    /// `id` is that of its point of truth; what it knows is in `memory`.
    ///
    /// # Errors
    ///
    /// - [`Unsupported`](RegionError::Unsupported) if `page` is no power of two, or two regions
    ///   have the same id.
    /// - [`Access`](RegionError::Access) if there are too many elements.
    /// - What the factories and the memory say.
    pub fn new<F: RegionFactory<Region = R>>(
        id: RegionId,
        len: usize,
        page: usize,
        factories: impl IntoIterator<Item = F, IntoIter: ExactSizeIterator>,
        memory: H,
    ) -> Result<Self, RegionError> {
        let too_large = RegionError::Access { at: len, bytes: isize::MAX as usize };
        let bytes = len.checked_mul(size_of::<T>()).filter(|bytes| *bytes <= isize::MAX as usize);
        let bytes = bytes.ok_or(too_large)?;
        let geometry = Geometry::new(bytes, page).ok_or(RegionError::Unsupported)?;
        let regions = factories.into_iter().map(|factory| factory.create(geometry));
        let truth = ReferenceRegion::of(id, geometry, regions, memory.clone())?;
        let none = truth.regions().iter();
        let none = none.map(|_| Ok(Mutex::new(PageSet::empty(geometry, memory.clone())?)));
        let copies = Array::new::<RegionError>(none, memory.clone())?;
        Ok(Self { truth, copies, len, memory, _elements: PhantomData })
    }

    /// How many elements.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of elements, for who says which ones to access.
    #[must_use]
    pub const fn bytes_of(&self, elements: Range<usize>) -> Range<usize> {
        let size = size_of::<T>();
        elements.start.saturating_mul(size)..elements.end.saturating_mul(size)
    }

    /// Who has the truth of which page; all that is not done by elements is done there.
    #[must_use]
    pub const fn truth(&self) -> &ReferenceRegion<R, H> {
        &self.truth
    }

    /// Lends what the access means to be read in the region `place`.
    ///
    /// # Errors
    ///
    /// - [`Unsupported`](RegionError::Unsupported) if there is no such region.
    /// - [`Access`](RegionError::Access) if it means what is not there.
    /// - [`Unallocated`](RegionError::Unallocated) for pages that nobody has written.
    /// - What the regions say.
    pub fn read(
        &self,
        place: RegionId,
        access: &Access<'_>,
    ) -> Result<Accessor<'_, R::Reading<'_>, R, H>, RegionError> {
        let (region, anchor) = self.anchor(place, access)?;
        let mut stale = self.truth.copy_of(anchor.pages())?;
        loop {
            let since = self.truth.passages();
            self.truth.nobodys(&stale)?;
            let updated = update(region, &self.truth, &mut stale, Options::new());
            match updated.and_then(|_| region.reading(access)) {
                Ok(elements) => return Ok(Accessor::new(elements, anchor)),
                // Somebody takes them, and has not got them yet.
                Err(error) if self.truth.is_passing(error, since) => {
                    stale.add(anchor.pages());
                    core::hint::spin_loop();
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Lends what the access means to be read and written in the region `place`. Elements that
    /// nobody has written are zero.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), but for `Unallocated`.
    pub fn read_write(
        &self,
        place: RegionId,
        access: &Access<'_>,
    ) -> Result<Accessor<'_, R::Writing<'_>, R, H>, RegionError> {
        let (region, anchor) = self.anchor(place, access)?;
        let elements = self.take(region, access, anchor.pages(), None)?;
        Ok(Accessor::new(elements, anchor))
    }

    /// Lends what the access means to be written in the region `place`, all of it: what is not
    /// written is then anything that was there, or zero. Elements beside it stay as they are.
    ///
    /// # Errors
    ///
    /// As [`read_write`](Self::read_write).
    pub fn write(
        &self,
        place: RegionId,
        access: &Access<'_>,
    ) -> Result<Accessor<'_, R::Writing<'_>, R, H>, RegionError> {
        let (region, anchor) = self.anchor(place, access)?;
        let mut whole = PageSet::empty(self.truth.geometry(), self.memory.clone())?;
        whole_pages(access, self.truth.geometry(), &mut whole);
        let elements = self.take(region, access, anchor.pages(), Some(&whole))?;
        Ok(Accessor::new(elements, anchor))
    }

    /// Lets a region's copies go, but for pages whose truth it has.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](RegionError::Unsupported) and [`Access`](RegionError::Access), as for
    /// [`read`](Self::read).
    pub fn evict(&self, place: RegionId, access: &Access<'_>) -> Result<(), RegionError> {
        let (number, region) = self.find(place)?;
        let mut pages = access.pages(self.truth.geometry(), self.memory.clone())?;
        let mut copies = self.copies[number].lock();
        pages.retain(&copies);
        copies.remove(&pages);
        // SAFETY: they were kept once, and are not noted any more.
        unsafe { region.release(&pages) };
        Ok(())
    }

    fn find(&self, place: RegionId) -> Result<(usize, &R), RegionError> {
        let number = self.truth.number(place)?;
        Ok((number, &self.truth.regions()[number]))
    }

    /// Keeps the pages in the region, for the accessor and from then on.
    fn anchor(
        &self,
        place: RegionId,
        access: &Access<'_>,
    ) -> Result<(&R, Anchor<&R, H>), RegionError> {
        let (number, region) = self.find(place)?;
        let geometry = self.truth.geometry();
        let anchor = Anchor::new(region, access.pages(geometry, self.memory.clone())?)?;
        let mut fresh = access.pages(geometry, self.memory.clone())?;
        let mut copies = self.copies[number].lock();
        fresh.remove(&copies);
        region.keep(&fresh, Missing::Allocate)?;
        copies.add(&fresh);
        drop(copies);
        Ok((region, anchor))
    }

    /// Makes the region the owner of pages, and pins them while it is.
    fn take<'b>(
        &self,
        region: &'b R,
        access: &Access<'_>,
        pages: &Pages,
        overwritten: Option<&Pages>,
    ) -> Result<R::Writing<'b>, RegionError> {
        let (id, mut rest) = (region.id(), self.truth.copy_of(pages)?);
        loop {
            if let Some(whole) = overwritten {
                self.truth.claim(whole, id, true)?;
                rest.remove(whole);
            }
            self.truth.claim(&rest, id, false)?;
            // Somebody else may have taken them before they were pinned.
            if let Some(writing) = region.writing(access, |it| self.truth.is_owner(id, it))? {
                return Ok(writing);
            }
        }
    }
}

impl<T, R: Region, H: HostAddressable + Clone> Drop for DistributedBuffer<T, R, H> {
    fn drop(&mut self) {
        for (region, copies) in self.truth.regions().iter().zip(self.copies.as_mut()) {
            // SAFETY: what is noted was kept once.
            unsafe { region.release(copies.get_mut()) };
        }
    }
}

impl<T, R: Region, H: HostAddressable + Clone> fmt::Debug for DistributedBuffer<T, R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DistributedBuffer")
            .field("len", &self.len)
            .field("truth", &self.truth)
            .finish_non_exhaustive()
    }
}
