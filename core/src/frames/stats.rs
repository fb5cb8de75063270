//! What is free, counted.

use core::sync::atomic::Ordering;

use super::allocator::FrameAllocator;
use super::layout::AREA_ORDER;
use crate::sync::{Arena, AtomicInt};

/// Orders that are counted: single frames up to 512.
const ORDERS: usize = AREA_ORDER as usize + 1;

/// How many frames there are, and how well they hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameStats {
    /// Frames that were released, and not reserved since.
    pub usable: usize,
    /// Frames that are free.
    pub free: usize,
    /// Groups of each order up to 512 frames that are free: of how many requests of that
    /// order there could be one after the other, if nobody asked for anything else.
    pub groups: [usize; ORDERS],
}

impl<M: Arena> FrameAllocator<M> {
    /// Counts what is free.
    ///
    /// Takes a look at every bit. While others are at work, each was so at some moment.
    #[must_use]
    pub fn stats(&self) -> FrameStats {
        let map = self.map();
        let mut groups = [0; ORDERS];
        for area in 0..self.layout.areas {
            for (order, count) in groups.iter_mut().enumerate() {
                *count += map.count_groups(area, order as u32);
            }
        }
        let usable = self.usable().load(Ordering::Relaxed);
        FrameStats { usable, free: groups[0], groups }
    }
}
