//! Pages that are written.

use core::fmt;
use core::ops::{Deref, Range};

use bytemuck::Pod;

use super::{
    DefaultRegion, Outcome, PageArray, PageSet, Pages, Pinned, Region, RegionError, Run,
    WriteTracker,
};
use crate::memory::{HostAddressable, Memory};
use crate::sync::Taken;

/// Pages of a region that nobody else uses until it is dropped; then those that were written,
/// as far as the region's tracker can tell, hold something new.
///
/// It can also read, as [`Pinned`] does.
pub struct Writing<'r, M: Memory, H: HostAddressable, W: WriteTracker>(Pinned<'r, M, H, W>);

impl<'r, M: Memory, H: HostAddressable, W: WriteTracker> Writing<'r, M, H, W> {
    pub(super) fn begin(
        region: &'r DefaultRegion<M, H, W>,
        pages: PageSet<&'r H>,
        taken: Taken,
    ) -> Result<Self, RegionError> {
        region.pin_to_write(&pages, taken)?;
        // SAFETY: pinned just now.
        unsafe { Self::of_pinned(region, pages) }
    }

    /// Takes over pages that are pinned for writing.
    ///
    /// # Safety
    ///
    /// They are, and whoever pinned them leaves it to this to unpin them.
    pub(super) unsafe fn of_pinned(
        region: &'r DefaultRegion<M, H, W>,
        pages: PageSet<&'r H>,
    ) -> Result<Self, RegionError> {
        let ready =
            zero_invalid(region, &pages).and_then(|()| region.tracker().begin(region, &pages));
        if let Err(error) = ready {
            // SAFETY: pinned above; what was zeroed held nothing and still does not.
            unsafe { region.end_write(&pages, Outcome::Unchanged) };
            return Err(error);
        }
        Ok(Self(Pinned::new(region, pages)))
    }

    /// Replaces the element of that index.
    ///
    /// # Errors
    ///
    /// - [`Access`](RegionError::Access) and [`Unpinned`](RegionError::Unpinned), if it is not
    ///   there, or not pinned. Nothing is written then.
    /// - What the memory says.
    #[inline]
    pub fn set<T: Pod>(&mut self, index: usize, value: T) -> Result<(), RegionError> {
        let bytes = self.0.bytes_of::<T>(index, 1)?;
        let (address, len) = self.0.piece(&bytes)?;
        match self.region().memory().host(address) {
            Some(at) if len == size_of::<T>() => {
                self.mark(&bytes);
                // SAFETY: the piece has room for the element, and is this one's alone.
                unsafe { at.cast::<T>().write_unaligned(value) };
                Ok(())
            }
            _ => self.write(index, &[value]),
        }
    }

    /// Replaces the element of that index by what `f` makes of it.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn update<T: Pod>(
        &mut self,
        index: usize,
        f: impl FnOnce(T) -> T,
    ) -> Result<(), RegionError> {
        let value = self.0.get(index)?;
        self.set(index, f(value))
    }

    /// Replaces elements from that index on.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set). Where the memory failed the elements may be anything.
    pub fn write<T: Pod>(&mut self, index: usize, elements: &[T]) -> Result<(), RegionError> {
        let bytes = self.0.bytes_of::<T>(index, elements.len())?;
        self.0.each_piece(bytes.clone(), |_, _, _| Ok(()))?;
        self.mark(&bytes);
        let from: *const u8 = elements.as_ptr().cast();
        let memory = self.region().memory();
        self.0.each_piece(bytes, |to, done, len| {
            // SAFETY: the piece is this one's alone, and the elements have that many bytes.
            unsafe { memory.copy_to(to, from.add(done), len)? };
            Ok(())
        })
    }

    /// The elements themselves, if the processor can use them: all in one block, and aligned.
    /// They count as written.
    pub fn as_mut_slice<T: Pod>(&mut self, elements: Range<usize>) -> Option<&mut [T]> {
        let bytes = self.0.bytes_of::<T>(elements.start, elements.len()).ok()?;
        let (at, len) = self.0.host_piece(bytes.clone())?;
        self.mark(&bytes);
        // SAFETY: the piece is this one's alone, initialised, and borrowed with this.
        let bytes = unsafe { core::slice::from_raw_parts_mut(at.as_ptr(), len) };
        bytemuck::try_cast_slice_mut(bytes).ok()
    }

    /// Tells the tracker of bytes that are there.
    #[inline]
    fn mark(&self, bytes: &Range<usize>) {
        let geometry = self.region().settings().geometry;
        if !bytes.is_empty() {
            let pages = geometry.page_of(bytes.start)..=geometry.page_of(bytes.end - 1);
            pages.for_each(|page| self.region().tracker().mark(page));
        }
    }
}

/// Zeroes pages that hold nothing, for nobody may read what was never written.
fn zero_invalid<M: Memory, H: HostAddressable, W: WriteTracker>(
    region: &DefaultRegion<M, H, W>,
    pages: &Pages,
) -> Result<(), RegionError> {
    for (group, bits) in pages.groups() {
        let invalid = [bits & !region.valid(group)];
        for Run { first, len } in Pages::new(&invalid).runs() {
            let (mut first, mut len) = (group * 64 + first, len);
            while len != 0 {
                // SAFETY: the first page is pinned, and so has memory.
                let (address, bytes) = unsafe { region.find(Run { first, len }) };
                // SAFETY: the pages are pinned for writing.
                unsafe { region.memory().fill(address, 0, bytes)? };
                let done = bytes.div_ceil(region.settings().geometry.page_size());
                (first, len) = (first + done, len - done);
            }
        }
    }
    Ok(())
}

impl<'r, M: Memory, H: HostAddressable, W: WriteTracker> Deref for Writing<'r, M, H, W> {
    type Target = Pinned<'r, M, H, W>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> Drop for Writing<'_, M, H, W> {
    fn drop(&mut self) {
        self.region().end_tracked(self.pages());
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> fmt::Debug for Writing<'_, M, H, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writing({:?})", self.0)
    }
}
