//! A lock that outlives its holder, lets nobody starve, and whose waiters
//! sleep.
//!
//! # What it guarantees
//!
//! - At most one thread of all processes holds it, and nobody waits for ever for
//!   a holder that is dead: as of the [robust lock](super::RobustLock).
//! - Nobody starves: while somebody sleeps in line, the lock is taken past the
//!   line [`PASSES`] times at most; then it is kept for those whose turn it is.
//!   Turns come in rounds: whoever comes while a round goes on waits for the
//!   next, and in a round each waiter has the lock once. So while a waiter is in
//!   line, each of the others in line has the lock at most twice, with [`PASSES`]
//!   others past the line before each.
//! - A waiter that dies or stands still in line delays the others by some
//!   hundredths of a second, once. It has lost its place; when it goes on, it takes
//!   the lock if that is free just then, and stands in line anew otherwise.
//! - Taking a free lock that nobody waits for is one compare-exchange, and so is
//!   releasing it. Neither makes a system call.
//! - [`acquire_within`](FairLock::acquire_within) ends, whatever the words hold.
//!
//! [`try_acquire`](FairLock::try_acquire) takes what is free out of turn, and so
//! does a waiter whose patience has ended. A thread that takes the lock twice
//! waits for itself.
//!
//! # Protocol
//!
//! | word | meaning |
//! |---|---|
//! | 0 | free |
//! | owner | held, and nobody waits |
//! | owner, `QUEUED` | held; who releases it must look at the line |
//! | `QUEUED`, `OPEN` | free; somebody in line was woken, but whoever comes first has it |
//! | `QUEUED` | free for those in line whose turn it is |
//!
//! | transition | by | how |
//! |---|---|---|
//! | free → me | whoever may | compare-exchange |
//! | dead → me | a waiter, after a sleep that nobody ended | compare-exchange from the very word that was found dead |
//! | owner → owner, `QUEUED` | a waiter in line, before it sleeps | compare-exchange |
//! | me → free | the holder | compare-exchange; then one in line is woken, if `QUEUED` was set |
//!
//! Only this word says who has the lock. A wake-up is never needed for more than
//! time: whoever sleeps looks again after a slice, so one that a dying waiter
//! swallowed is made up for. A waiter that gives up passes on the wake-up that it
//! may have had.

use core::fmt;
use core::mem;
use core::sync::atomic::Ordering;
use core::time::Duration;

use super::line::{Line, Place};
use super::{Acquired, AtomicInt, Atomics, Native, Park, Patience};
use crate::thread::{Liveness, Owner};

/// The word of a lock that nobody holds or waits for.
const FREE: usize = 0;

/// Somebody stands in line.
const QUEUED: usize = Owner::SPARE_BITS & Owner::SPARE_BITS.wrapping_neg();

/// Whoever comes first may have it.
const OPEN: usize = Owner::SPARE_BITS & !QUEUED;

/// How often the lock is taken past a line before it is kept for it.
pub const PASSES: usize = 16;

/// Looks at the word before a waiter yields: a holder that runs releases the
/// lock within some hundred nanoseconds.
const SPINS: u32 = 32;

/// Looks at the word before a waiter stands in line.
const YIELDS: u32 = SPINS + 8;

/// Sleeps that nobody ended, and in which none of them had its turn, after which those
/// who do not take a free lock are given up on.
const GRACE: u32 = 2;

/// The protocol of the lock, over words that stand anywhere.
pub struct FairLock<'w, A: Atomics = Native> {
    word: &'w A::Word,
    line: Line<'w, A>,
    /// How often the lock was taken past the line; only its holder writes it.
    passes: &'w A::Word,
}

impl<'w, A: Atomics> FairLock<'w, A> {
    /// The lock whose state is in these words.
    #[must_use]
    #[inline]
    pub const fn new(word: &'w A::Word, line: &'w A::Word, passes: &'w A::Word) -> Self {
        Self { word, line: Line::new(line), passes }
    }

    /// Takes the lock unless a living thread holds it, also out of turn.
    #[inline]
    pub fn try_acquire<L: Liveness + ?Sized>(&self, me: Owner, liveness: &L) -> Option<Acquired> {
        let me = me.to_word();
        match self.claim(FREE, me) {
            Ok(()) => Some(Acquired::Free),
            Err(seen) if is_free(seen) => {
                self.claim(seen, me | QUEUED).ok().map(|()| Acquired::Free)
            }
            Err(seen) => self.take_over(seen, me, liveness),
        }
    }

    /// Takes the lock, waiting for as long as a living thread holds it.
    #[inline]
    pub fn acquire<M: Park<A> + ?Sized>(&self, model: &M) -> Acquired {
        let me = model.owner().to_word();
        if self.claim(FREE, me).is_ok() {
            return Acquired::Free;
        }
        loop {
            if let Ok(acquired) = self.wait(me, Patience::Endless, model) {
                return acquired;
            }
        }
    }

    /// Takes the lock, if it can be had within `patience`.
    ///
    /// # Errors
    ///
    /// Who holds the lock, as far as its word tells.
    #[inline]
    pub fn acquire_within<M: Park<A> + ?Sized>(
        &self,
        patience: Patience,
        model: &M,
    ) -> Result<Acquired, Option<Owner>> {
        let me = model.owner().to_word();
        match self.claim(FREE, me) {
            Ok(()) => Ok(Acquired::Free),
            Err(_) => self.wait(me, patience, model),
        }
    }

    /// Releases the lock, if `me` holds it.
    #[inline]
    pub fn release<M: Park<A> + ?Sized>(&self, me: Owner, model: &M) {
        let me = me.to_word();
        // Release: pairs with the Acquire in `claim`; publishes what the holder
        // changed.
        if self.word.compare_exchange(me, FREE, Ordering::Release, Ordering::Relaxed).is_err() {
            self.release_queued(me, model);
        }
    }

    /// Who holds the lock at this moment.
    #[must_use]
    pub fn holder(&self) -> Option<Owner> {
        let word = self.word.load(Ordering::Relaxed);
        (!is_free(word)).then(|| Owner::from_word(word))
    }

    /// One transition `seen` → `me`.
    #[inline]
    fn claim(&self, seen: usize, me: usize) -> Result<(), usize> {
        // Acquire: pairs with the Release of who released the lock. Where `seen`
        // is a dead holder there is no such store; what it did is visible
        // because the system that reported its death saw it end.
        self.word.compare_exchange(seen, me, Ordering::Acquire, Ordering::Relaxed).map(|_| ())
    }

    #[cold]
    fn wait<M: Park<A> + ?Sized>(
        &self,
        me: usize,
        patience: Patience,
        model: &M,
    ) -> Result<Acquired, Option<Owner>> {
        for looks in 0..YIELDS {
            if looks < SPINS {
                A::spin_hint()
            } else {
                model.yield_now()
            }
            let seen = self.word.load(Ordering::Relaxed);
            let may = seen == FREE || is_free(seen) && seen & OPEN != 0;
            if may && self.claim(seen, me | seen & QUEUED).is_ok() {
                return Ok(Acquired::Free);
            }
        }
        self.stand_in_line(me, patience, model)
    }

    /// Waits in line, asleep: what [`acquire`](Self::acquire) does when looking
    /// a few times did not help.
    ///
    /// # Errors
    ///
    /// Who holds the lock, once patience has ended.
    pub fn stand_in_line<M: Park<A> + ?Sized>(
        &self,
        me: usize,
        mut patience: Patience,
        model: &M,
    ) -> Result<Acquired, Option<Owner>> {
        let mut place = self.line.join(model);
        let (mut idle, mut inside) = (0, 0);
        loop {
            let (seen, turn) = (self.word.load(Ordering::Relaxed), self.line.is_turn(place));
            if is_free(seen) && (turn || seen != QUEUED) && self.claim(seen, me | QUEUED).is_ok() {
                return Ok(self.served(place, Acquired::Free, model));
            }
            let Some(slice) = patience.slice(model) else {
                return self.give_up(place, me, model);
            };
            place = self.line.renew(place, model);
            if !self.sleep(seen, place, slice, model) {
                idle = 0;
            } else if is_free(seen) {
                let before = mem::replace(&mut inside, self.line.inside());
                idle = if inside == before { idle + 1 } else { 1 };
            } else if let Some(acquired) = self.take_over(seen | QUEUED, me, model) {
                return Ok(self.served(place, acquired, model));
            }
            if idle >= GRACE {
                self.line.skip(place, inside, model);
                idle = 0;
            }
        }
    }

    /// Sleeps while the word is as it was `seen`; whether nothing came.
    ///
    /// Who has its turn watches the lock, and the others the line.
    fn sleep<M: Park<A> + ?Sized>(
        &self,
        seen: usize,
        place: Place,
        most: Duration,
        model: &M,
    ) -> bool {
        let turn = self.line.is_turn(place);
        if is_free(seen) && (turn || seen != QUEUED) {
            return false;
        }
        if seen & QUEUED == 0 {
            let marked = self.word.compare_exchange(
                seen,
                seen | QUEUED,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if marked.is_err() {
                return false;
            }
        }
        if turn {
            model.park(self.word, seen | QUEUED, most)
        } else {
            self.line.wait(place, most, model)
        }
    }

    /// Leaves the line with the lock.
    fn served<M: Park<A> + ?Sized>(&self, place: Place, how: Acquired, model: &M) -> Acquired {
        self.passes.store(0, Ordering::Relaxed);
        self.line.leave(place, model);
        how
    }

    /// Leaves the line without the lock, but for a last look.
    fn give_up<M: Park<A> + ?Sized>(
        &self,
        place: Place,
        me: usize,
        model: &M,
    ) -> Result<Acquired, Option<Owner>> {
        self.line.leave(place, model);
        let seen = self.word.load(Ordering::Relaxed);
        if is_free(seen) {
            if self.claim(seen, me | QUEUED).is_ok() {
                return Ok(Acquired::Free);
            }
        } else if let Some(acquired) = self.take_over(seen, me, model) {
            return Ok(acquired);
        }
        model.unpark(self.word, 1);
        Err(self.holder())
    }

    /// Takes the lock from the holder in `seen` if that is dead.
    #[cold]
    fn take_over<L: Liveness + ?Sized>(
        &self,
        seen: usize,
        me: usize,
        liveness: &L,
    ) -> Option<Acquired> {
        let owner = Owner::from_word(seen);
        if owner == Owner::from_word(me) || liveness.is_alive(owner) {
            return None;
        }
        // Whoever was in line still is.
        self.claim(seen, me | QUEUED).ok().map(|()| Acquired::Recovered(owner))
    }

    /// Releases a lock that somebody stands in line for.
    #[cold]
    fn release_queued<M: Park<A> + ?Sized>(&self, me: usize, model: &M) {
        loop {
            let seen = self.word.load(Ordering::Acquire);
            if seen & !Owner::SPARE_BITS != me {
                // A child of the holder, or damage: it is not ours to release.
                return;
            }
            let next = self.next();
            // Release: as in `release`.
            if self.word.compare_exchange(seen, next, Ordering::Release, Ordering::Relaxed).is_ok()
            {
                // Whatever the line says: it may have grown meanwhile.
                model.unpark(self.word, 1);
                return;
            }
        }
    }

    /// As what the holder leaves the lock.
    fn next(&self) -> usize {
        if self.line.is_empty() {
            return FREE;
        }
        let passes = self.passes.load(Ordering::Relaxed);
        self.passes.store(passes.wrapping_add(1), Ordering::Relaxed);
        if passes < PASSES { QUEUED | OPEN } else { QUEUED }
    }
}

/// Whether a word names nobody.
const fn is_free(word: usize) -> bool {
    word & !Owner::SPARE_BITS == FREE
}

impl<A: Atomics> Clone for FairLock<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Atomics> Copy for FairLock<'_, A> {}

impl<A: Atomics> fmt::Debug for FairLock<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.holder() {
            Some(owner) => write!(f, "FairLock(held by {owner})"),
            None => f.write_str("FairLock(free)"),
        }
    }
}

#[cfg(test)]
mod tests;
