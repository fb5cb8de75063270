//! Which sizes a pool has lanes for.

use core::alloc::Layout;

use super::cache::LANES;

/// Bytes that sizes are counted in, up to [`FINE`] and above.
const GRAIN: usize = 16;
const PAGE: usize = 4096;

/// Up to here a size may be any multiple of [`GRAIN`].
const FINE: usize = 16 << 10;

/// The largest size that has a lane.
const LARGEST: usize = 256 << 10;

/// What blocks that are aligned to more than all are can be as large as, and aligned to,
/// and have a lane.
const MOST_ALIGN: usize = 4096;

/// The lanes of a library: sizes of its own below 16 KiB, and four for each doubling above,
/// up to 256 KiB. The first one is number 1.
#[derive(Debug)]
pub(super) struct LaneSizes {
    sizes: [usize; LANES],
    /// The lane of each multiple of [`GRAIN`] up to [`FINE`].
    fine: [u8; FINE / GRAIN + 1],
    /// The lane of each multiple of [`PAGE`] up to [`LARGEST`].
    coarse: [u8; LARGEST / PAGE + 1],
    grain: usize,
    above_slabs: usize,
}

impl LaneSizes {
    /// Lanes for sizes that are multiples of 16, rise and stay below 16 KiB, and for those
    /// above. All blocks are aligned to `grain`, and those of `above_slabs` bytes and more
    /// are in no slab.
    pub(super) const fn new(grain: usize, below: &[usize], above_slabs: usize) -> Self {
        let mut new = Self {
            sizes: [0; LANES],
            fine: [0; FINE / GRAIN + 1],
            coarse: [0; LARGEST / PAGE + 1],
            grain,
            above_slabs,
        };
        let mut lane = 1;
        while lane <= below.len() {
            new.sizes[lane] = below[lane - 1];
            lane += 1;
        }
        let (mut step, mut size) = (FINE / 4, FINE);
        while size <= LARGEST {
            new.sizes[lane] = size;
            lane += 1;
            step = if size == step * 8 { step * 2 } else { step };
            size += step;
        }
        new.index();
        new
    }

    const fn index(&mut self) {
        let (mut lane, mut grains, mut pages) = (1, 0, FINE / PAGE + 1);
        while grains <= FINE / GRAIN {
            lane += if grains * GRAIN > self.sizes[lane] { 1 } else { 0 };
            self.fine[grains] = lane as u8;
            grains += 1;
        }
        while pages <= LARGEST / PAGE {
            lane += if pages * PAGE > self.sizes[lane] { 1 } else { 0 };
            self.coarse[pages] = lane as u8;
            pages += 1;
        }
    }

    /// The lane of a block; 0 for one that has none.
    pub(super) fn lane(&self, layout: Layout) -> usize {
        if layout.align() > self.grain {
            return self.lane_of_aligned(layout);
        }
        self.lane_of_size(layout.size())
    }

    /// The lane of a block that need not be aligned to more than all are; 0 if it has none.
    #[inline(always)]
    pub(super) fn lane_of_size(&self, size: usize) -> usize {
        // A `Layout`'s size does not wrap when it is rounded up.
        match self.fine.get(size.wrapping_add(GRAIN - 1) / GRAIN) {
            Some(lane) => usize::from(*lane),
            None => {
                self.coarse.get(size.wrapping_add(PAGE - 1) / PAGE).map_or(0, |it| usize::from(*it))
            }
        }
    }

    /// The lane of the least power of two that has room; slabs begin at pages.
    fn lane_of_aligned(&self, layout: Layout) -> usize {
        let size = layout.size().max(layout.align());
        if size > MOST_ALIGN {
            return 0;
        }
        let lane = self.lane_of_size(size.next_power_of_two());
        if self.size(lane).is_power_of_two() { lane } else { 0 }
    }

    /// Bytes of a lane's blocks.
    #[inline]
    pub(super) fn size(&self, lane: usize) -> usize {
        self.sizes.get(lane).copied().unwrap_or(0)
    }

    /// What all blocks are aligned to.
    #[inline(always)]
    pub(super) fn grain(&self) -> usize {
        self.grain
    }

    /// Bytes of blocks that are in no slab.
    pub(super) fn above_slabs(&self) -> usize {
        self.above_slabs
    }
}
