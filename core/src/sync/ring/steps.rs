//! The single steps of those who push and pop: looking, claiming, advancing.

use core::sync::atomic::Ordering;

use super::super::{AtomicInt, Atomics};
use super::slot_state::{Holds, MOST_LAP, SlotState};
use super::{Blocked, Busy, POSITIONS, Place, Ring, Slots};

/// The lap of a slot as seen from a position.
enum Lap {
    /// An earlier one, by so many.
    Behind(usize),
    Same,
    /// A later one, by so many.
    Ahead(usize),
}

impl<S: Slots<A>, A: Atomics> Ring<'_, S, A> {
    /// The slot at the tail, which is empty.
    #[inline]
    pub(super) fn room(&self) -> Result<Place, Blocked> {
        if self.is_closed() {
            return Err(Blocked::Closed);
        }
        loop {
            let (place, seen, lap) = self.look(self.tail);
            match (lap, SlotState::from_bits(seen).holds) {
                (Lap::Same, Holds::Nothing) => return Ok(place),
                (Lap::Same, Holds::End) => return Err(Blocked::Closed),
                (Lap::Same, _) => _ = self.advance(self.tail, place.position),
                (Lap::Ahead(laps), _) => self.catch_up(self.tail, &place, laps)?,
                (Lap::Behind(1), Holds::Value) => return Err(Blocked::Idle),
                (Lap::Behind(1), Holds::Writing(_) | Holds::Reading(_)) => {
                    return Err(Blocked::Busy(Busy { index: place.index, seen }));
                }
                (Lap::Behind(_), _) => return Err(Blocked::Damaged),
            }
        }
    }

    /// The slot at the head, which holds a value.
    #[inline]
    pub(super) fn value(&self) -> Result<Place, Blocked> {
        loop {
            let (place, seen, lap) = self.look(self.head);
            let busy = Blocked::Busy(Busy { index: place.index, seen });
            match (lap, SlotState::from_bits(seen).holds) {
                (Lap::Same, Holds::Value) => return Ok(place),
                (Lap::Same, Holds::Nothing) if !self.is_closed() => return Err(Blocked::Idle),
                (Lap::Same, Holds::Nothing) => _ = self.claim(&place, Holds::Nothing, Holds::End),
                (Lap::Same, Holds::End) => return Err(Blocked::Closed),
                (Lap::Same, Holds::Writing(_)) => return Err(busy),
                (Lap::Same, Holds::Reading(_)) => _ = self.advance(self.head, place.position),
                (Lap::Ahead(laps), _) => self.catch_up(self.head, &place, laps)?,
                // Who reads the value of the lap before: it may be the last one.
                (Lap::Behind(1), Holds::Reading(_)) if self.is_closed() => return Err(busy),
                (Lap::Behind(1), Holds::Reading(_)) => return Err(Blocked::Idle),
                (Lap::Same | Lap::Behind(_), _) => return Err(Blocked::Damaged),
            }
        }
    }

    /// The slot at the position that `end` tells, what was seen of it, and its lap.
    #[inline]
    fn look(&self, end: &A::Word) -> (Place, usize, Lap) {
        // Acquire: whoever advanced it had seen the claims of all slots before.
        let position = end.load(Ordering::Acquire) & POSITIONS;
        let place = Place { position, index: position & self.mask() };
        // Acquire: pairs with the Release of who filled, freed or claimed it.
        let seen = self.state(&place).load(Ordering::Acquire);
        let most = self.most_lap();
        let ahead = SlotState::from_bits(seen).lap.wrapping_sub(self.lap(position)) & most;
        let lap = match ahead {
            0 => Lap::Same,
            laps if laps <= most / 2 => Lap::Ahead(laps),
            laps => Lap::Behind((most - laps).wrapping_add(1)),
        };
        (place, seen, lap)
    }

    /// Claims a slot that holds `old`.
    #[inline]
    pub(super) fn claim(&self, place: &Place, old: Holds, new: Holds) -> bool {
        let lap = self.lap(place.position);
        let (old, new) = (SlotState::new(lap, old), SlotState::new(lap, new));
        // AcqRel: pairs with the Release of who filled or freed it; who sees the
        // claim sees whose seat it is.
        self.state(place)
            .compare_exchange(old.into_bits(), new.into_bits(), Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Advances `end` past a position whose slot was seen to be claimed; whether
    /// nobody else has.
    #[inline]
    pub(super) fn advance(&self, end: &A::Word, position: usize) -> bool {
        let next = position.wrapping_add(1) & POSITIONS;
        // Release: pairs with the Acquire in `look`.
        end.compare_exchange(position, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Advances `end` past a slot that is `laps` ahead of it.
    #[cold]
    fn catch_up(&self, end: &A::Word, place: &Place, laps: usize) -> Result<(), Blocked> {
        // The slot may get ahead while `end` is looked at, but not by more than one
        // while `end` stays where it is.
        let damaged = self.advance(end, place.position) && laps > 1;
        if damaged { Err(Blocked::Damaged) } else { Ok(()) }
    }

    #[inline]
    pub(super) fn state(&self, place: &Place) -> &A::Word {
        self.slots.state(place.index)
    }

    #[inline]
    pub(super) fn mask(&self) -> usize {
        (1 << self.log) - 1
    }

    #[inline]
    fn most_lap(&self) -> usize {
        (POSITIONS >> self.log) & MOST_LAP
    }

    #[inline]
    pub(super) fn lap(&self, position: usize) -> usize {
        position >> self.log & self.most_lap()
    }

    #[inline]
    pub(super) fn next_lap(&self, lap: usize) -> usize {
        lap.wrapping_add(1) & self.most_lap()
    }
}
