//! How often a word was seen, and who is just adding to that.

use core::sync::atomic::{AtomicU64, Ordering};

use anymem::container::ShmSafe;

/// A count, and a mark while somebody adds to it, in one word, so that both
/// change at once.
///
/// | bits | field |
/// |---|---|
/// | 0–53 | how often the word was seen |
/// | 54–61 | the seat of the mark |
/// | 62 | whether the mark's step is odd |
/// | 63 | whether there is a mark |
///
/// Changed under the lock of the word's shard.
#[derive(Debug, Default, ShmSafe)]
#[repr(transparent)]
pub(crate) struct Times(AtomicU64);

/// Says that a step of a seat has been added to the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) seat: u8,
    /// Whether the number of the step is odd.
    pub(crate) odd: bool,
}

const COUNT: u64 = (1 << SEAT_SHIFT) - 1;
const SEAT_SHIFT: u32 = 54;
const ODD_SHIFT: u32 = 62;
const MARKED: u64 = 1 << 63;

impl Times {
    /// How often the word was seen.
    #[inline]
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed) & COUNT
    }

    /// Who is just adding, or died doing so.
    #[inline]
    pub(crate) fn mark(&self) -> Option<Mark> {
        let bits = self.0.load(Ordering::Relaxed);
        let mark = Mark { seat: (bits >> SEAT_SHIFT) as u8, odd: bits >> ODD_SHIFT & 1 == 1 };
        (bits & MARKED != 0).then_some(mark)
    }

    /// Sets the count, with a mark.
    #[inline]
    pub(crate) fn set_marked(&self, count: u64, mark: Mark) {
        let mark = u64::from(mark.seat) << SEAT_SHIFT | u64::from(mark.odd) << ODD_SHIFT;
        // Release, here and below: keeps each store behind the one before it,
        // which is the order in which the heirs of a dead worker find them.
        self.0.store(count & COUNT | mark | MARKED, Ordering::Release);
    }

    /// Takes the mark away.
    #[inline]
    pub(crate) fn unmark(&self) {
        self.0.store(self.count(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_marks_keep_apart() {
        let times = Times::default();
        assert_eq!((times.count(), times.mark()), (0, None));
        for (count, seat, odd) in [(0, 0, false), (7, 255, true), (COUNT, 1, false)] {
            let mark = Mark { seat, odd };
            times.set_marked(count, mark);
            assert_eq!((times.count(), times.mark()), (count, Some(mark)));
            times.unmark();
            assert_eq!((times.count(), times.mark()), (count, None));
        }
    }
}
