//! Participants that wait for each other, round after round.
//!
//! # What it guarantees
//!
//! - A round ends when every place is taken and its participant has arrived, and not
//!   before. One of them is told that it is the leader; where that one dies just
//!   then, none is.
//! - Nobody waits for ever for the dead: where one has died that had not arrived, the
//!   barrier is broken, and all who wait or come are told so until it is
//!   [repaired](Barrier::repair). One that died after it had arrived counts in that
//!   round.
//! - Who gives up has not arrived: either that, or the round has ended with it.
//!
//! # Protocol
//!
//! Whoever changes something holds a [fair lock](super::FairLock), for some
//! instructions. Each change is one store, so a death under the lock leaves nothing
//! to be repaired; a change that was not made, the end of a round for one, is made by
//! who looks next.
//!
//! | words | meaning |
//! |---|---|
//! | of a place | who has it, or 0; and the round in which that one arrived last |
//! | round | even while the barrier is whole, odd while it is broken |
//!
//! | round | when |
//! |---|---|
//! | r → r + 2 | all have arrived |
//! | r → r + 1 | a dead one has not |
//! | r + 1 → r + 4 | it is repaired |
//!
//! So whoever waited in round r, however long it slept, sees how that ended by bit 1
//! of the difference: no later round ends without it.

use core::fmt;

use super::atomic::{Ordering, compiler_fence};
use super::{AtomicInt, Atomics, FairLock, Native, PATIENCE, Park, Patience, Signal};
use crate::thread::{Liveness, Owner};

const NOBODY: usize = 0;
const NEVER: usize = 0;
const BROKEN: usize = 1;
const ENDED: usize = 2;

/// The protocol of the barrier, over words that stand anywhere.
pub struct Barrier<'w, A: Atomics = Native> {
    lock: FairLock<'w, A>,
    changed: Signal<'w, A>,
    round: &'w A::Word,
    places: &'w [A::Word],
}

/// Why a round did not end for who waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmet {
    /// A participant died that had not arrived: this one, if it has not been replaced.
    Broken(Option<Owner>),
    /// The time is over.
    TimedOut,
    /// The place is somebody else's.
    NoParticipant,
    /// The lock is kept for too long, by this process, as far as its word tells. If
    /// that was so when the caller had arrived, it still has.
    Busy(Option<Owner>),
}

impl<'w, A: Atomics> Barrier<'w, A> {
    /// The number of the first round.
    pub const FIRST: usize = 4;

    /// Words that each place takes.
    pub const WORDS: usize = 2;

    /// The barrier whose state is in these words, [`WORDS`](Self::WORDS) for each place.
    #[must_use]
    pub const fn new(
        lock: FairLock<'w, A>,
        changed: Signal<'w, A>,
        round: &'w A::Word,
        places: &'w [A::Word],
    ) -> Self {
        Self { lock, changed, round, places }
    }

    /// Takes a place that is free or whose participant died; which one.
    ///
    /// # Errors
    ///
    /// Who keeps the lock for too long, as far as its word tells.
    pub fn join<M: Park<A> + ?Sized>(&self, model: &M) -> Result<Option<usize>, Option<Owner>> {
        self.locked(model, || {
            let mut places = self.places();
            let is_to_have = |[owner, _]: [&A::Word; 2]| {
                let seen = owner.load(Ordering::Relaxed);
                seen == NOBODY || !model.is_alive(Owner::from_word(seen))
            };
            let number = places.position(is_to_have)?;
            self.set(number, model.owner().to_word());
            Some(number)
        })
    }

    /// Gives a place back, if it is the caller's.
    ///
    /// # Errors
    ///
    /// As for [`join`](Self::join).
    pub fn leave<M: Park<A> + ?Sized>(
        &self,
        number: usize,
        model: &M,
    ) -> Result<(), Option<Owner>> {
        self.locked(model, || {
            if self.is_mine(number, model) {
                self.set(number, NOBODY);
            }
        })
    }

    /// Arrives, and waits until all have; whether the caller is the leader.
    ///
    /// # Errors
    ///
    /// See [`Unmet`].
    pub fn wait<M: Park<A> + ?Sized>(
        &self,
        number: usize,
        mut patience: Patience,
        model: &M,
    ) -> Result<bool, Unmet> {
        self.lock(model).map_err(Unmet::Busy)?;
        let round = self.round.load(Ordering::Relaxed);
        let Some([_, arrived]) = self.place(number).filter(|_| self.is_mine(number, model)) else {
            self.unlock(model);
            return Err(Unmet::NoParticipant);
        };
        if round & BROKEN == 0 {
            arrived.store(round, Ordering::Relaxed);
        }
        let mut may_be_dead = false;
        loop {
            if let Some(met) = self.look(round, may_be_dead, model) {
                return met;
            }
            let promise = self.changed.promise();
            self.unlock(model);
            let slice = patience.slice(model);
            let given = slice.is_some_and(|slice| {
                self.changed.wait(promise, &mut Patience::of(slice, model), model)
            });
            self.lock(model).map_err(Unmet::Busy)?;
            if slice.is_none() && self.round.load(Ordering::Relaxed) == round {
                arrived.store(NEVER, Ordering::Relaxed);
                self.unlock(model);
                return Err(Unmet::TimedOut);
            }
            may_be_dead = !given;
        }
    }

    /// How the round `round` ended for who has the lock, which is released then.
    fn look<M: Park<A> + ?Sized>(
        &self,
        round: usize,
        may_be_dead: bool,
        model: &M,
    ) -> Option<Result<bool, Unmet>> {
        let now = self.round.load(Ordering::Relaxed);
        if now != round || now & BROKEN != 0 {
            let has_ended = now.wrapping_sub(round) & ENDED != 0;
            let met = if has_ended { Ok(false) } else { Err(Unmet::Broken(self.dead(model))) };
            self.unlock(model);
            return Some(met);
        }
        if self.all_arrived(round) {
            self.end(round.wrapping_add(ENDED), model);
            return Some(Ok(true));
        }
        let dead = may_be_dead.then(|| self.missing(round, model)).flatten()?;
        self.end(round | BROKEN, model);
        Some(Err(Unmet::Broken(Some(dead))))
    }

    /// Takes the places of the dead from them, and makes the barrier whole; how many
    /// there were.
    ///
    /// # Errors
    ///
    /// As for [`join`](Self::join).
    pub fn repair<M: Park<A> + ?Sized>(&self, model: &M) -> Result<usize, Option<Owner>> {
        self.lock(model)?;
        let mut dead = 0;
        for (number, [owner, _]) in self.places().enumerate() {
            let seen = owner.load(Ordering::Relaxed);
            if seen != NOBODY && !model.is_alive(Owner::from_word(seen)) {
                self.set(number, NOBODY);
                dead += 1;
            }
        }
        let round = self.round.load(Ordering::Relaxed);
        if round & BROKEN != 0 {
            self.end(round.wrapping_add(3), model);
        } else {
            self.unlock(model);
        }
        Ok(dead)
    }

    /// Whether a death broke the barrier, and nobody repaired it.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.round.load(Ordering::Relaxed) & BROKEN != 0
    }

    /// Who has which place, dead or alive.
    pub fn participants(&self) -> impl Iterator<Item = Option<Owner>> + use<'w, A> {
        self.places().map(|[owner, _]| match owner.load(Ordering::Relaxed) {
            NOBODY => None,
            word => Some(Owner::from_word(word)),
        })
    }

    fn places(&self) -> impl Iterator<Item = [&'w A::Word; 2]> + use<'w, A> {
        self.places.chunks_exact(Self::WORDS).filter_map(|words| match words {
            [owner, arrived] => Some([owner, arrived]),
            _ => None,
        })
    }

    fn place(&self, number: usize) -> Option<[&'w A::Word; 2]> {
        self.places().nth(number)
    }

    fn is_mine<M: Park<A> + ?Sized>(&self, number: usize, model: &M) -> bool {
        let me = model.owner().to_word();
        self.place(number).is_some_and(|[owner, _]| owner.load(Ordering::Relaxed) == me)
    }

    /// Gives a place to somebody who has not arrived.
    fn set(&self, number: usize, owner_word: usize) {
        let Some([owner, arrived]) = self.place(number) else { return };
        arrived.store(NEVER, Ordering::Relaxed);
        // Who dies in between leaves a place that has not been arrived at.
        compiler_fence(Ordering::SeqCst);
        owner.store(owner_word, Ordering::Relaxed);
    }

    fn all_arrived(&self, round: usize) -> bool {
        self.places().all(|[owner, arrived]| {
            owner.load(Ordering::Relaxed) != NOBODY && arrived.load(Ordering::Relaxed) == round
        })
    }

    /// Who has died, and has not arrived in `round`.
    fn missing<L: Liveness + ?Sized>(&self, round: usize, liveness: &L) -> Option<Owner> {
        let mut owners = self.places().filter_map(|[owner, arrived]| {
            let word = owner.load(Ordering::Relaxed);
            let is_missing = word != NOBODY && arrived.load(Ordering::Relaxed) != round;
            is_missing.then(|| Owner::from_word(word))
        });
        owners.find(|&owner| !liveness.is_alive(owner))
    }

    /// Who has died, whether it had arrived or not.
    fn dead<L: Liveness + ?Sized>(&self, liveness: &L) -> Option<Owner> {
        self.participants().flatten().find(|&owner| !liveness.is_alive(owner))
    }

    fn locked<R, M: Park<A> + ?Sized>(
        &self,
        model: &M,
        work: impl FnOnce() -> R,
    ) -> Result<R, Option<Owner>> {
        self.lock(model)?;
        let done = work();
        self.unlock(model);
        Ok(done)
    }

    fn lock<M: Park<A> + ?Sized>(&self, model: &M) -> Result<(), Option<Owner>> {
        // Nothing is to be repaired if somebody died under the lock.
        self.lock.acquire_within(Patience::of(PATIENCE, model), model).map(|_| ())
    }

    fn unlock<M: Park<A> + ?Sized>(&self, model: &M) {
        self.lock.release(model.owner(), model);
    }

    /// Ends the round, and releases the lock.
    fn end<M: Park<A> + ?Sized>(&self, next: usize, model: &M) {
        self.round.store(next, Ordering::Relaxed);
        self.unlock(model);
        self.changed.give_all(model);
    }
}

impl<A: Atomics> fmt::Debug for Barrier<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = self.participants().flatten().count();
        let how = if self.is_broken() { ", broken" } else { "" };
        write!(f, "Barrier({joined} of {} joined{how})", self.places().count())
    }
}
