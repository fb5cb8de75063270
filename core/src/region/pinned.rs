//! Pages that are pinned, and what they hold.

use core::fmt;
use core::mem::MaybeUninit;
use core::ops::Range;
use core::ptr::NonNull;

use bytemuck::Pod;

use super::{DefaultRegion, PageSet, Pages, RegionError, Run, WriteTracker};
use crate::bits;
use crate::memory::{Address, HostAddressable, Memory};

/// Pages of a region that are pinned: what [`Reading`](super::Reading) and
/// [`Writing`](super::Writing) have in common.
///
/// Elements are counted from the region's first byte on, each of its size; they may straddle
/// pages. Every access is checked against the pages that are pinned.
pub struct Pinned<'r, M: Memory, H: HostAddressable, W: WriteTracker> {
    region: &'r DefaultRegion<M, H, W>,
    pages: PageSet<&'r H>,
}

impl<'r, M: Memory, H: HostAddressable, W: WriteTracker> Pinned<'r, M, H, W> {
    /// Pages that the caller has pinned, and unpins when this is used no more.
    pub(super) const fn new(region: &'r DefaultRegion<M, H, W>, pages: PageSet<&'r H>) -> Self {
        Self { region, pages }
    }

    /// The region.
    pub const fn region(&self) -> &'r DefaultRegion<M, H, W> {
        self.region
    }

    /// The pages.
    pub fn pages(&self) -> &Pages {
        &self.pages
    }

    /// The element of that index.
    ///
    /// # Errors
    ///
    /// - [`Access`](RegionError::Access) and [`Unpinned`](RegionError::Unpinned), if it is not
    ///   there, or not pinned.
    /// - What the memory says.
    #[inline]
    pub fn get<T: Pod>(&self, index: usize) -> Result<T, RegionError> {
        let bytes = self.bytes_of::<T>(index, 1)?;
        let (address, len) = self.piece(&bytes)?;
        match self.region.memory().host(address) {
            // SAFETY: the piece has the whole element, initialised, and nobody writes it.
            Some(at) if len == size_of::<T>() => Ok(unsafe { at.cast::<T>().read_unaligned() }),
            _ => self.get_slowly(bytes),
        }
    }

    #[cold]
    fn get_slowly<T: Pod>(&self, bytes: Range<usize>) -> Result<T, RegionError> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: the value has room for that many bytes.
        unsafe { self.read_bytes(bytes, value.as_mut_ptr().cast())? };
        // SAFETY: all of its bytes were read, and may be anything.
        Ok(unsafe { value.assume_init() })
    }

    /// Copies elements from that index on.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn read<T: Pod>(&self, index: usize, into: &mut [T]) -> Result<(), RegionError> {
        let bytes = self.bytes_of::<T>(index, into.len())?;
        // SAFETY: they have room for that many bytes.
        unsafe { self.read_bytes(bytes, into.as_mut_ptr().cast()) }
    }

    /// The elements themselves, if the processor can use them: all in one block, and aligned.
    #[must_use]
    pub fn as_slice<T: Pod>(&self, elements: Range<usize>) -> Option<&[T]> {
        let bytes = self.bytes_of::<T>(elements.start, elements.len()).ok()?;
        let (at, len) = self.host_piece(bytes)?;
        // SAFETY: the piece is pinned, initialised, and borrowed with this.
        let bytes = unsafe { core::slice::from_raw_parts(at.as_ptr(), len) };
        bytemuck::try_cast_slice(bytes).ok()
    }

    /// The bytes of elements.
    #[inline]
    pub(super) fn bytes_of<T>(
        &self,
        index: usize,
        len: usize,
    ) -> Result<Range<usize>, RegionError> {
        let bytes = self.region.settings().geometry.bytes();
        let range = || {
            let start = index.checked_mul(size_of::<T>())?;
            let end = start.checked_add(len.checked_mul(size_of::<T>())?)?;
            (end <= bytes).then_some(start..end)
        };
        range().ok_or(RegionError::Access { at: bytes.max(index), bytes })
    }

    /// Where the first of these bytes are, and how many follow one another there.
    #[inline]
    pub(super) fn piece(&self, bytes: &Range<usize>) -> Result<(M::Address, usize), RegionError> {
        let geometry = self.region.settings().geometry;
        let first = geometry.page_of(bytes.start);
        if !self.pages.contains(first) {
            return Err(RegionError::Unpinned { page: first });
        }
        let last = geometry.page_of(bytes.end.saturating_sub(1));
        let end = match last <= first {
            true => first + 1,
            false => bits::position_of(self.pages.words(), false, first).min(last + 1),
        };
        // SAFETY: the first page is pinned, and so has memory.
        let (address, len) = unsafe { self.region.find(Run { first, len: end - first }) };
        let skipped = bytes.start - first * geometry.page_size();
        Ok((address.byte_add(skipped), (len - skipped).min(bytes.len())))
    }

    /// Where these bytes are, if the processor can use all of them at once.
    pub(super) fn host_piece(&self, bytes: Range<usize>) -> Option<(NonNull<u8>, usize)> {
        if bytes.is_empty() {
            return Some((NonNull::<u128>::dangling().cast(), 0));
        }
        let (address, len) = self.piece(&bytes).ok()?;
        (len == bytes.len()).then_some((self.region.memory().host(address)?, len))
    }

    /// Visits bytes a piece at a time: where it is, how far from the first byte, and its
    /// length.
    pub(super) fn each_piece(
        &self,
        bytes: Range<usize>,
        mut visit: impl FnMut(M::Address, usize, usize) -> Result<(), RegionError>,
    ) -> Result<(), RegionError> {
        let mut at = bytes.start;
        while at < bytes.end {
            let (address, len) = self.piece(&(at..bytes.end))?;
            visit(address, at - bytes.start, len)?;
            at += len;
        }
        Ok(())
    }

    /// # Safety
    ///
    /// `into` is writable for that many bytes.
    unsafe fn read_bytes(&self, bytes: Range<usize>, into: *mut u8) -> Result<(), RegionError> {
        self.each_piece(bytes, |from, done, len| {
            // SAFETY: the piece is pinned, and the caller vouches for the rest.
            unsafe { self.region.memory().copy_from(into.add(done), from, len)? };
            Ok(())
        })
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> fmt::Debug for Pinned<'_, M, H, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {}", self.pages(), self.region.settings().id)
    }
}
