//! The check of an allocator's rules.

use core::fmt;
use core::sync::atomic::Ordering;

use super::allocator::FrameAllocator;
use super::frame::Frame;
use super::layout::{AREA, AREA_ORDER, BITS, LINE_WORDS};
use crate::sync::{Arena, AtomicInt};

/// A rule that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameFault {
    /// A frame is free that is not managed.
    Stray(Frame),
    /// A frame is free as a whole word's and by itself.
    Twice(Frame),
    /// More frames are free than were released.
    TooManyFree {
        /// Frames that are free.
        free: usize,
        /// Frames that were released.
        usable: usize,
    },
    /// The area of 512 frames that begins with this one is said to lack groups of an order that
    /// it has.
    Denied(Frame, u32),
    /// So many areas and zones are said to be homes of processors, which have another number of
    /// them.
    Homes {
        /// Those that are said to be homes.
        claimed: usize,
        /// Homes of processors.
        used: usize,
    },
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stray(frame) => write!(f, "frame {frame} is free, and not managed"),
            Self::Twice(frame) => write!(f, "frame {frame} is free twice"),
            Self::TooManyFree { free, usable } => {
                write!(f, "{free} frames are free of {usable} that were released")
            }
            Self::Denied(frame, order) => {
                write!(f, "a free group of order {order} is denied in the area at {frame}")
            }
            Self::Homes { claimed, used } => {
                write!(f, "{claimed} places are claimed as homes, and {used} are")
            }
        }
    }
}

impl core::error::Error for FrameFault {}

impl<M: Arena> FrameAllocator<M> {
    /// Walks the metadata and says what is broken.
    ///
    /// Meaningful while nobody allocates or frees.
    ///
    /// # Errors
    ///
    /// The first rule found that does not hold.
    pub fn check(&self) -> Result<(), FrameFault> {
        self.check_ends()?;
        self.check_words()?;
        let (free, usable) = (self.stats().free, self.usable().load(Ordering::Relaxed));
        if free > usable {
            return Err(FrameFault::TooManyFree { free, usable });
        }
        (0..self.layout.areas).try_for_each(|area| self.check_note(area))?;
        self.check_homes()
    }

    /// Nothing is free before the first frame and behind the last.
    fn check_ends(&self) -> Result<(), FrameFault> {
        let (map, layout) = (self.map(), &self.layout);
        let behind = layout.end.wrapping_neg() % AREA;
        let before = map.first_free(0, layout.start);
        let stray = before.or_else(|| map.first_free(layout.end, behind));
        stray.map_or(Ok(()), |index| Err(FrameFault::Stray(layout.frame(index))))
    }

    /// A word that is free as a whole is one of an area, and its bits are 0.
    fn check_words(&self) -> Result<(), FrameFault> {
        let (map, layout) = (self.map(), &self.layout);
        let words = layout.areas * LINE_WORDS;
        let mut wholes = (0..layout.zones * AREA).filter(|&index| map.wholes.has(index));
        wholes.try_for_each(|index| {
            let frame = layout.frame(index * BITS);
            match index < words {
                false => Err(FrameFault::Stray(frame)),
                true if map.bits.look(index) != 0 => Err(FrameFault::Twice(frame)),
                true => Ok(()),
            }
        })
    }

    fn check_note(&self, area: usize) -> Result<(), FrameFault> {
        let (map, lacked) = (self.map(), self.map().notes.get(area));
        match (lacked..=AREA_ORDER).find(|&order| map.count_groups(area, order) != 0) {
            Some(order) => Err(FrameFault::Denied(self.layout.frame(area * AREA), order)),
            None => Ok(()),
        }
    }

    fn check_homes(&self) -> Result<(), FrameFault> {
        let hints = self.hints(0);
        let places = 0..self.layout.places();
        let claimed = places.filter(|&place| hints.is_claimed(place)).count();
        let count = |claimed: bool| {
            let is = |place: &usize| hints.is_claimed(*place) == claimed;
            (0..self.layout.cpus).map(|cpu| self.hints(cpu).homes().filter(is).count()).sum()
        };
        let (used, unclaimed): (usize, usize) = (count(true), count(false));
        if claimed == used && unclaimed == 0 {
            return Ok(());
        }
        Err(FrameFault::Homes { claimed, used: used + unclaimed })
    }
}
