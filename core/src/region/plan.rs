//! Which pages an update has to copy, or why it cannot.
//!
//! Nothing is pinned meanwhile: it is cheap, and may be over by the time that it is known.
//! The update pins what the plan names, and [looks again](Plan::check).

use super::{Pages, Region, RegionError};

/// What stands in the way of an update, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Obstacle {
    None,
    /// The destination would lose what was written there.
    Overwrite,
    /// The source has nothing.
    Invalid,
    /// The source has no memory.
    Unallocated,
}

/// An update that is thought over.
pub(super) struct Plan<'r, D: Region + ?Sized, S: Region + ?Sized> {
    pub(super) to: &'r D,
    pub(super) from: &'r S,
    /// Whether pages that hold the same are left out.
    pub(super) is_stale_only: bool,
    /// Whether what was written in the destination may be lost.
    pub(super) is_forced: bool,
    /// The number of this update, which no other one has at the time.
    pub(super) number: u32,
}

/// What was found out about one group.
struct Finding {
    /// Pages that the destination has.
    wanted: u64,
    /// Those of them to be copied.
    stale: u64,
    obstacle: Obstacle,
    /// The pages that it is about.
    obstructed: u64,
}

impl<D: Region + ?Sized, S: Region + ?Sized> Plan<'_, D, S> {
    /// Leaves in `pages` what is to be copied; how many of those that the destination has are
    /// not.
    ///
    /// # Errors
    ///
    /// What stands in the way; `pages` are then those that it is about.
    pub(super) fn make(&self, pages: &mut Pages) -> Result<usize, RegionError> {
        let mut skipped = 0;
        let mut worst = Obstacle::None;
        for group in 0..pages.words().len() {
            let bits = pages.words()[group];
            if bits == 0 {
                continue;
            }
            let found = self.look(group, bits);
            skipped += (found.wanted & !found.stale).count_ones() as usize;
            if found.obstacle > worst {
                worst = found.obstacle;
                pages.words_mut()[..group].fill(0);
            }
            pages.words_mut()[group] = match worst {
                Obstacle::None => found.stale,
                _ if found.obstacle == worst => found.obstructed,
                _ => 0,
            };
        }
        self.verdict(worst, pages).map(|()| skipped)
    }

    /// Looks again at pages that are pinned by now.
    ///
    /// # Errors
    ///
    /// As [`make`](Self::make), but `pages` stay as they are.
    pub(super) fn check(&self, pages: &Pages) -> Result<(), RegionError> {
        let (to, from) = (self.to.pages(), self.from.pages());
        for (group, bits) in pages.groups() {
            let lost =
                || if self.is_forced { 0 } else { self.differing(group, bits & to.dirty(group)) };
            let (worst, about) = match bits & !from.valid(group) {
                0 => (Obstacle::Overwrite, lost()),
                invalid => (Obstacle::Invalid, invalid),
            };
            if about != 0 {
                let first = group * 64 + about.trailing_zeros() as usize;
                return Err(self.error(worst, first, about.count_ones() as usize));
            }
        }
        Ok(())
    }

    /// Says that the pages, and nothing else, have been copied.
    pub(super) fn confirm(&self, pages: &Pages) {
        for (group, _) in pages.groups() {
            if let Some(memo) = self.to.memo(group) {
                memo.confirm(self.number, self.to.pages().changes(group));
            }
        }
    }

    fn look(&self, group: usize, bits: u64) -> Finding {
        let (to, from) = (self.to.pages(), self.from.pages());
        let source_changes = from.changes(group);
        let own_changes = to.changes(group);
        let allocated = to.allocated(group);
        let wanted = bits & allocated;
        let memo = self.to.memo(group).filter(|_| self.is_stale_only);
        if memo.is_some_and(|memo| memo.holds(self.from.id(), source_changes, own_changes)) {
            return Finding { wanted, stale: 0, obstacle: Obstacle::None, obstructed: 0 };
        }
        let found = self.compare(group, wanted);
        if let Some(memo) = memo
            && wanted == allocated
            && found.obstacle == Obstacle::None
        {
            let pending = if found.stale == 0 { 0 } else { self.number };
            memo.note(self.from.id(), source_changes, own_changes, pending);
        }
        found
    }

    fn compare(&self, group: usize, wanted: u64) -> Finding {
        let (to, from) = (self.to.pages(), self.from.pages());
        let finding = |stale, obstacle, obstructed| Finding { wanted, stale, obstacle, obstructed };
        let unallocated = wanted & !from.allocated(group);
        if unallocated != 0 {
            return finding(0, Obstacle::Unallocated, unallocated);
        }
        let invalid = wanted & !from.valid(group);
        if invalid != 0 {
            return finding(0, Obstacle::Invalid, invalid);
        }
        let valid = to.valid(group);
        let stale = match self.is_stale_only {
            true => wanted & !valid | self.differing(group, wanted & valid),
            false => wanted,
        };
        let lost = match self.is_forced {
            true => 0,
            false => self.differing(group, stale & to.dirty(group)),
        };
        let obstacle = if lost == 0 { Obstacle::None } else { Obstacle::Overwrite };
        finding(stale, obstacle, lost)
    }

    /// Those of the pages that hold not the same on both sides.
    fn differing(&self, group: usize, bits: u64) -> u64 {
        let (to, from) = (self.to.pages(), self.from.pages());
        if bits == 0 {
            return 0;
        }
        if let (Some(ours), Some(theirs)) = (to.stamps(group), from.stamps(group)) {
            let pairs = ours.iter().zip(theirs).enumerate();
            let differ = |all, (at, (ours, theirs)): (usize, (&super::AtomicStamp, _))| {
                all | u64::from(ours.load() != super::AtomicStamp::load(theirs)) << at
            };
            return bits & pairs.fold(0, differ);
        }
        let of = |at: u32| group * 64 + at as usize;
        let differs = |at: &u32| bits >> at & 1 != 0 && to.stamp(of(*at)) != from.stamp(of(*at));
        (0..64).filter(differs).fold(0, |all, at| all | 1 << at)
    }

    fn verdict(&self, worst: Obstacle, about: &Pages) -> Result<(), RegionError> {
        match worst {
            Obstacle::None => Ok(()),
            worst => Err(self.error(worst, about.first().unwrap_or(0), about.count())),
        }
    }

    fn error(&self, worst: Obstacle, first: usize, pages: usize) -> RegionError {
        let region = self.from.id();
        match worst {
            Obstacle::Unallocated => RegionError::Unallocated { region, first, pages },
            Obstacle::Invalid => RegionError::Invalid { region, first, pages },
            Obstacle::Overwrite | Obstacle::None => RegionError::Overwrite { first, pages },
        }
    }
}
