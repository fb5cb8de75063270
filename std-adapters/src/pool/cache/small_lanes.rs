//! The lanes of small blocks, in a table.

use core::alloc::Layout;
use core::sync::atomic::{AtomicU8, Ordering};

use super::{LANES, Lanes};

/// Bytes that sizes are counted in; what is aligned to more is not small.
const GRAIN: usize = 16;

/// The most bytes that a small block has.
const MOST: usize = 16 << 10;

const _: () = assert!(LANES <= 1 << u8::BITS);

/// The lanes of small blocks, by the number of grains; 0 for none.
///
/// Only its pool's side changes it, where the pool cuts memory otherwise from then on.
#[derive(Debug)]
pub(super) struct SmallLanes([AtomicU8; MOST / GRAIN + 1]);

impl SmallLanes {
    /// No lanes.
    pub(super) const fn new() -> Self {
        Self([const { AtomicU8::new(0) }; MOST / GRAIN + 1])
    }

    /// Takes what the pool says.
    pub(super) fn copy(&self, lanes: &dyn Lanes) {
        for (grains, lane) in self.0.iter().enumerate() {
            let small = u8::try_from(lanes.lane(grains * GRAIN)).unwrap_or(0);
            lane.store(small, Ordering::Relaxed);
        }
    }

    /// The lane of a block; `None` if it is not small.
    #[inline(always)]
    pub(super) fn lane(&self, layout: Layout) -> Option<usize> {
        if layout.align() > GRAIN {
            return None;
        }
        // A layout's size does not wrap when it is rounded up.
        let lane = self.0.get(layout.size().wrapping_add(GRAIN - 1) / GRAIN)?;
        Some(usize::from(lane.load(Ordering::Relaxed)))
    }
}
