//! Pages that are marked by whoever writes them.

use super::WriteTracker;
use crate::memory::{HostAddressable, MemoryError};
use crate::region::atomic_bits::AtomicBits;
use crate::region::rows::Zeroed;
use crate::region::{Geometry, Pages, Region, RegionError};

/// Tracks writes by a bit for each page, that the accessor sets: a page that was pinned for
/// writing but not written keeps its stamp.
///
/// To set a bit that is set already costs a load.
pub struct BitTracker<H: HostAddressable> {
    marked: Zeroed<AtomicBits, H>,
}

impl<H: HostAddressable> BitTracker<H> {
    /// A tracker for a region of that geometry, whose bits are in `memory`.
    ///
    /// # Errors
    ///
    /// What `memory` says.
    pub fn new(geometry: Geometry, memory: H) -> Result<Self, MemoryError> {
        Ok(Self { marked: Zeroed::new(geometry.pages().div_ceil(64), memory)? })
    }
}

impl<H: HostAddressable> WriteTracker for BitTracker<H> {
    fn begin(&self, _region: &dyn Region, pages: &Pages) -> Result<(), RegionError> {
        for (marked, bits) in self.marked.entries().iter().zip(pages.words()) {
            marked.clear(*bits);
        }
        Ok(())
    }

    #[inline]
    fn mark(&self, page: usize) {
        if let Some(marked) = self.marked.entries().get(page / 64) {
            marked.set(1 << (page % 64));
        }
    }

    #[inline]
    fn written(&self, group: usize, pages: u64) -> u64 {
        self.marked.entries().get(group).map_or(pages, |marked| pages & marked.load())
    }
}

impl<H: HostAddressable> core::fmt::Debug for BitTracker<H> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.marked.entries().iter().map(AtomicBits::load)).finish()
    }
}
