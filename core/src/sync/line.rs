//! Who waits for a lock, and whose turn it is: a word that counts.
//!
//! Waiters stand in two groups. Those *inside* have their turn: each of them
//! gets the lock once, in whatever order. Those who come meanwhile wait
//! *outside*. When the last one inside has had its turn, those outside are
//! inside, and a new *round* begins. So whoever waits is passed at most once by
//! each of the others.
//!
//! # The word
//!
//! | bits | field |
//! |---|---|
//! | 0–10 | how many are inside |
//! | 11–21 | how many are outside |
//! | 22–31 | number of the round |
//!
//! No names: the word decides about turns only, never about who has the lock.
//! Where somebody died in line, a count is too high; then nobody inside takes
//! the lock when it is free, which those outside notice, and they begin a new
//! round. Who was inside and only stood still stands in line anew. A number that
//! is wrong for any other reason costs order, at worst.

use core::sync::atomic::Ordering;
use core::time::Duration;

use super::{AtomicInt, Atomics, Park};

const COUNT_BITS: u32 = 11;
const MOST: u32 = (1 << COUNT_BITS) - 1;
const ROUNDS: u32 = 1 << 10;

/// The state of a line, as it is read from its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    round: u32,
    inside: u32,
    outside: u32,
}

impl State {
    const fn from_bits(word: usize) -> Self {
        let bits = word as u32;
        Self {
            inside: bits & MOST,
            outside: bits >> COUNT_BITS & MOST,
            round: bits >> (2 * COUNT_BITS),
        }
    }

    const fn into_bits(self) -> usize {
        (self.inside | self.outside << COUNT_BITS | self.round << (2 * COUNT_BITS)) as usize
    }

    const fn next_round(self) -> u32 {
        (self.round + 1) % ROUNDS
    }

    /// Begins a round if nobody is inside and somebody is outside.
    const fn settled(self) -> Self {
        if self.inside == 0 && self.outside > 0 {
            return Self { round: self.next_round(), inside: self.outside, outside: 0 };
        }
        self
    }

    /// One more outside, if they can be counted.
    const fn joined(self) -> Option<Self> {
        if self.outside == MOST {
            return None;
        }
        Some(Self { outside: self.outside + 1, ..self }.settled())
    }

    /// One less of those who have their turn in `round`.
    const fn left(self, round: u32) -> Self {
        if round == self.round {
            return Self { inside: self.inside.saturating_sub(1), ..self }.settled();
        }
        if round == self.next_round() {
            return Self { outside: self.outside.saturating_sub(1), ..self };
        }
        self
    }

    /// None inside, if those who have their turn in `round` wait for these `inside`. One
    /// outside knows of itself, whatever the count says.
    fn skipped_by(self, round: u32, inside: u32) -> Option<Self> {
        let skipped = Self { inside: 0, outside: self.outside.max(1), ..self };
        (round == self.next_round() && inside == self.inside).then(|| skipped.settled())
    }

    /// Whether nobody counts any more who had their turn in `round`.
    const fn is_over(self, round: u32) -> bool {
        round != self.round && round != self.next_round()
    }
}

/// A waiter's place in a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The round in which it has its turn; `None` for one who could not be
    /// counted.
    round: Option<u32>,
}

/// The protocol of a line, over its word.
#[derive(Debug)]
pub(super) struct Line<'w, A: Atomics> {
    word: &'w A::Word,
}

impl<A: Atomics> Clone for Line<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Atomics> Copy for Line<'_, A> {}

impl<'w, A: Atomics> Line<'w, A> {
    /// The line whose state is `word`.
    #[must_use]
    #[inline]
    pub(super) const fn new(word: &'w A::Word) -> Self {
        Self { word }
    }

    fn load(self) -> State {
        State::from_bits(self.word.load(Ordering::Acquire))
    }

    /// Whether nobody waits, as far as is known.
    #[must_use]
    pub(super) fn is_empty(self) -> bool {
        let State { inside, outside, .. } = self.load();
        inside == 0 && outside == 0
    }

    /// Stands in line.
    #[must_use]
    pub(super) fn join<M: Park<A> + ?Sized>(self, model: &M) -> Place {
        let mut round = None;
        self.change(model, |state| {
            let joined = state.joined();
            round = joined.map(|_| state.next_round());
            joined
        });
        Place { round }
    }

    /// Leaves the line, with the lock or without it.
    pub(super) fn leave<M: Park<A> + ?Sized>(self, place: Place, model: &M) {
        let Some(round) = place.round else { return };
        self.change(model, |state| Some(state.left(round)));
    }

    /// Whether it is the turn of `place`: its round has begun, or is over.
    #[must_use]
    pub(super) fn is_turn(self, place: Place) -> bool {
        place.round != Some(self.load().next_round())
    }

    /// How many have their turn.
    pub(super) fn inside(self) -> u32 {
        self.load().inside
    }

    /// Gives up on those `inside`, who do not take a lock that is free, unless there are
    /// less by now, or `place` has its turn.
    pub(super) fn skip<M: Park<A> + ?Sized>(self, place: Place, inside: u32, model: &M) {
        self.change(model, |state| state.skipped_by(place.round?, inside));
    }

    /// The same place, or a new one for who was given up on: its round is over.
    #[must_use]
    pub(super) fn renew<M: Park<A> + ?Sized>(self, place: Place, model: &M) -> Place {
        let state = self.load();
        if place.round.is_some_and(|round| state.is_over(round)) { self.join(model) } else { place }
    }

    /// Sleeps until a round begins, for `most` at most; whether nothing came.
    #[must_use]
    pub(super) fn wait<M: Park<A> + ?Sized>(self, place: Place, most: Duration, model: &M) -> bool {
        let seen = self.word.load(Ordering::Acquire);
        let waits = place.round == Some(State::from_bits(seen).next_round());
        waits && model.park(self.word, seen, most)
    }

    /// Changes the state, and wakes those outside if a round begins.
    fn change<M: Park<A> + ?Sized>(self, model: &M, mut to: impl FnMut(State) -> Option<State>) {
        loop {
            let seen = self.word.load(Ordering::Acquire);
            let old = State::from_bits(seen);
            let Some(new) = to(old) else { return };
            // AcqRel: what a waiter did before it joined is seen by who finds it
            // in line.
            let changed = self.word.compare_exchange(
                seen,
                new.into_bits(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            if changed.is_ok() {
                if new.round != old.round && old.outside > 0 {
                    model.unpark(self.word, u32::MAX);
                }
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: State = State { round: 7, inside: 0, outside: 0 };

    #[test]
    fn the_first_to_come_has_its_turn_at_once() {
        let state = EMPTY.joined().unwrap();
        assert_eq!(state, State { round: 8, inside: 1, outside: 0 });
        assert_eq!(state.joined(), Some(State { outside: 1, ..state }));
    }

    #[test]
    fn a_round_ends_with_its_last_waiter() {
        let state = State { round: ROUNDS - 1, inside: 1, outside: 2 };
        assert_eq!(state.left(ROUNDS - 1), State { round: 0, inside: 2, outside: 0 });
        assert_eq!(state.left(0), State { outside: 1, ..state });
        assert_eq!(state.left(5), state, "its round is over: it was given up on");
    }

    #[test]
    fn those_outside_give_up_on_those_inside_once() {
        let state = State { round: 7, inside: 3, outside: 2 };
        assert_eq!(state.skipped_by(8, 4), None, "one of them had its turn meanwhile");
        let skipped = state.skipped_by(8, 3).unwrap();
        assert_eq!(skipped, State { round: 8, inside: 2, outside: 0 });
        assert_eq!(skipped.skipped_by(8, 2), None, "another one outside was faster");
        let uncounted = State { outside: 0, ..state }.skipped_by(8, 3).unwrap();
        assert_eq!(uncounted, State { round: 8, inside: 1, outside: 0 });
        let is_over = [6, 7, 8, 9, 10].map(|round| skipped.is_over(round));
        assert_eq!(is_over, [true, true, false, false, true]);
    }

    #[test]
    fn a_line_that_is_full_counts_no_more() {
        let full = State { round: 1, inside: MOST, outside: MOST };
        assert_eq!(full.joined(), None);
        assert_eq!(State::from_bits(full.into_bits()), full);
    }
}
