//! Pages that are read.

use core::fmt;
use core::ops::Deref;

use super::{DefaultRegion, PageArray, PageSet, Pinned, Region, RegionError, WriteTracker};
use crate::memory::{HostAddressable, Memory};
use crate::sync::Taken;

/// Pages of a region that nobody writes until it is dropped.
///
/// It does what [`Pinned`] does.
pub struct Reading<'r, M: Memory, H: HostAddressable, W: WriteTracker>(Pinned<'r, M, H, W>);

impl<'r, M: Memory, H: HostAddressable, W: WriteTracker> Reading<'r, M, H, W> {
    pub(super) fn begin(
        region: &'r DefaultRegion<M, H, W>,
        pages: PageSet<&'r H>,
        taken: Taken,
    ) -> Result<Self, RegionError> {
        region.pin_to_read(&pages, taken)?;
        let reading = Self(Pinned::new(region, pages));
        reading.check_valid()?;
        Ok(reading)
    }

    fn check_valid(&self) -> Result<(), RegionError> {
        let region = self.region();
        let invalid =
            || self.pages().groups().map(|(group, bits)| (group, bits & !region.valid(group)));
        let Some((group, bits)) = invalid().find(|&(_, bits)| bits != 0) else { return Ok(()) };
        Err(RegionError::Invalid {
            region: region.id(),
            first: group * 64 + bits.trailing_zeros() as usize,
            pages: invalid().map(|(_, bits)| bits.count_ones() as usize).sum(),
        })
    }
}

impl<'r, M: Memory, H: HostAddressable, W: WriteTracker> Deref for Reading<'r, M, H, W> {
    type Target = Pinned<'r, M, H, W>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> Drop for Reading<'_, M, H, W> {
    fn drop(&mut self) {
        // SAFETY: pinned by `begin`, and what was borrowed of them was so by this.
        unsafe { self.region().end_read(self.pages()) };
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> fmt::Debug for Reading<'_, M, H, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reading({:?})", self.0)
    }
}
