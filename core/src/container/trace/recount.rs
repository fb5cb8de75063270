//! Counts of handles, set right by counting those that there are.
//!
//! A process that dies leaves counts that are too high (see `container/arc`). The
//! mark phase meets every handle that can be reached, and nobody else uses the
//! heap: so what it met is what there is.
//!
//! # How it is counted
//!
//! The first handle that is met sets the mark of the block and one in the block's
//! second grain, which says that a word in the block counts those that are met. The
//! counts themselves change when the search is done and all is in order; a death
//! before leaves them as they were, and one in between leaves some of them.
//!
//! # What is not counted
//!
//! A word that something may point with, in a block of unknown contents, may be a
//! handle or none. Then what it points to is noted to be *pinned*, and its counts
//! do not go down.
//!
//! | bits of the word | |
//! |---|---|
//! | the highest | pinned |
//! | the others | as in [`Counts`](crate::sync::Counts): strong handles, and weak ones |

use core::sync::atomic::Ordering;

use super::super::arc::block::Tally;
use super::tracer::{Look, Tracer};
use super::{Marks, TraceError};
use crate::allocator::LiveBlock;
use crate::offset::{AllocatorId, Offset};
use crate::size_class::GRAIN;
use crate::sync::{Handles, MOST};

const PINNED: usize = 1 << (usize::BITS - 1);

/// A handle that is met.
#[derive(Clone, Copy)]
pub(in super::super) enum Handle {
    /// One that keeps the value, which stands so far into the block, and is looked
    /// at so.
    Strong(Look, usize),
    /// One that keeps the block.
    Weak,
}

impl Tracer<'_> {
    /// Notes that a value in `heap` is a handle of the one whose [`Tally`] is at `at`,
    /// in a block of `bytes` bytes.
    ///
    /// # Safety
    ///
    /// A tally is there if that is a block and, if the handle is a strong one, a value
    /// such as it says.
    pub(in super::super) unsafe fn counted(
        &mut self,
        heap: AllocatorId,
        at: Offset,
        bytes: usize,
        handle: Handle,
    ) -> Result<(), TraceError> {
        let was_reached = !self.reach(heap, at, bytes)?;
        let tally = self.array::<Tally>(at, 1)?;
        // SAFETY: inside the heap and aligned (`array`); any bits are words.
        let tally = unsafe { tally.as_ref() };
        if self.marks().set(second_grain(at)) {
            // Reached, and not as what it is: by something that may be a handle.
            tally.met.store(if was_reached { PINNED } else { 0 }, Ordering::Relaxed);
        }
        match handle {
            Handle::Weak => tally.meet(0, 1),
            // The last strong handle was dropped.
            Handle::Strong(..) if tally.counts().get().strong == 0 => {
                return Err(TraceError::Damaged { at });
            }
            Handle::Strong(look, value) => {
                if tally.met().strong == 0 {
                    // SAFETY: as promised by the caller.
                    unsafe { self.note(look, at.add(value), 1) }?;
                }
                tally.meet(1, 0);
            }
        }
        Ok(())
    }

    /// Pins the block, if handles were met that name it; whether it was not before.
    pub(super) fn pin(&mut self, block: LiveBlock) -> bool {
        if !is_counted(self.marks(), block) {
            return false;
        }
        let Ok(tally) = self.array::<Tally>(block.at, 1) else { return false };
        // SAFETY: inside the heap and aligned (`array`); any bits are words.
        let met = unsafe { &tally.as_ref().met };
        met.fetch_or(PINNED, Ordering::Relaxed) & PINNED == 0
    }

    /// Sets the counts in a block that was reached right; whether they were not.
    pub(super) fn recount(&mut self, block: LiveBlock) -> bool {
        if !is_counted(self.marks(), block) {
            return false;
        }
        // SAFETY: inside the heap and aligned (`array`); any bits are words.
        let tally = self.array::<Tally>(block.at, 1).ok().map(|tally| unsafe { tally.as_ref() });
        tally.is_some_and(Tally::recount)
    }
}

/// Whether handles were met that name the block.
fn is_counted(marks: &Marks<'_>, block: LiveBlock) -> bool {
    block.room >= 2 * GRAIN && marks.has(second_grain(block.at))
}

fn second_grain(at: Offset) -> Offset {
    at.add(GRAIN)
}

impl Tally {
    /// The handles that were met.
    fn met(&self) -> Handles {
        Handles::from_word(self.met.load(Ordering::Relaxed) & !PINNED)
    }

    fn is_pinned(&self) -> bool {
        self.met.load(Ordering::Relaxed) & PINNED != 0
    }

    /// Counts handles that are met; where there are more than there can be, pins.
    fn meet(&self, strong: usize, weak: usize) {
        let Handles { strong, weak } =
            Handles { strong: self.met().strong + strong, weak: self.met().weak + weak };
        let fits = strong.max(weak) < MOST;
        let pinned = if self.is_pinned() || !fits { PINNED } else { 0 };
        let met = Handles { strong: strong.min(MOST - 1), weak: weak.min(MOST - 1) };
        self.met.store(pinned | met.to_word(), Ordering::Relaxed);
    }

    /// Sets the counts right by what was met; whether they were not.
    fn recount(&self) -> bool {
        let (counted, Handles { strong, weak }) = (self.counts().get(), self.met());
        // All strong handles together count as a weak one.
        let mut right = Handles { strong, weak: weak + usize::from(strong > 0) };
        if self.is_pinned() {
            right.strong = right.strong.max(counted.strong);
            right.weak = right.weak.max(counted.weak);
        }
        self.set(right);
        right != counted
    }
}
