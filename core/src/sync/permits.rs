//! Permits that are lent, and come back from the dead.
//!
//! # What it guarantees
//!
//! - Each permit is with one thread of all processes at most.
//! - A permit whose holder died is free for the next one who looks: nobody waits
//!   for ever for the dead.
//! - Who waits for a permit does so in line, as of the [fair lock](super::FairLock),
//!   so nobody starves. Who comes while somebody is in line stands in line, too;
//!   [`try_take`](Permits::try_take) does not.
//! - A permit that is given back is found by whoever waits.
//!
//! # Protocol
//!
//! A word for each permit, that names who has it, and 0 for nobody:
//!
//! | transition | by | how |
//! |---|---|---|
//! | free → me | whoever may | compare-exchange |
//! | dead → me | the same, if none is free | compare-exchange from the very word that was found dead |
//! | me → free | the holder | compare-exchange; then it is announced |
//!
//! There is no count beside them that a death could leave wrong. The first in line
//! holds a lock, and waits for a permit while it has that; the others wait for the
//! lock.

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, FairLock, Native, Park, Patience, Signal};
use crate::thread::{Liveness, Owner};

const FREE: usize = 0;

/// The protocol of the permits, over words that stand anywhere.
pub struct Permits<'w, A: Atomics = Native> {
    line: FairLock<'w, A>,
    returned: Signal<'w, A>,
    words: &'w [A::Word],
}

impl<'w, A: Atomics> Permits<'w, A> {
    /// The permits whose state is in these words, one for each.
    #[must_use]
    pub const fn new(line: FairLock<'w, A>, returned: Signal<'w, A>, words: &'w [A::Word]) -> Self {
        Self { line, returned, words }
    }

    /// Takes a permit, if one is free or its holder dead; which one.
    pub fn try_take<L: Liveness + ?Sized>(&self, me: Owner, liveness: &L) -> Option<usize> {
        let me = me.to_word();
        self.take_free(me).or_else(|| self.take_from_dead(me, liveness))
    }

    /// Takes a permit within `patience`; which one.
    pub fn take<M: Park<A> + ?Sized>(&self, mut patience: Patience, model: &M) -> Option<usize> {
        let me = model.owner();
        if self.line.holder().is_none()
            && let Some(taken) = self.take_free(me.to_word())
        {
            return Some(taken);
        }
        // Told how it was had or not: a line protects nothing that needs repair.
        if self.line.acquire_within(patience, model).is_err() {
            return self.try_take(me, model);
        }
        let taken = self.returned.wait_for(&mut patience, model, || self.try_take(me, model));
        self.line.release(me, model);
        taken
    }

    /// Gives back the permit of this number, if it is `me` who has it.
    pub fn give<M: Park<A> + ?Sized>(&self, number: usize, me: Owner, model: &M) {
        // Release: pairs with the Acquire in `claim`; what was done with the permit
        // comes before.
        let given = self.words.get(number).is_some_and(|word| {
            let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
            word.compare_exchange(me.to_word(), FREE, release, relaxed).is_ok()
        });
        if given {
            self.returned.announce(1, model);
        }
    }

    /// Takes back the permits of the dead; how many.
    pub fn recover<M: Park<A> + ?Sized>(&self, model: &M) -> usize {
        let dead = |word: &&A::Word| {
            let seen = word.load(Ordering::Relaxed);
            let is_dead = seen != FREE && !model.is_alive(Owner::from_word(seen));
            is_dead && Self::claim(word, seen, FREE)
        };
        let recovered = self.words.iter().filter(dead).count();
        if recovered > 0 {
            self.returned.announce(u32::MAX, model);
        }
        recovered
    }

    /// Who has which permit, dead or alive.
    pub fn holders(&self) -> impl Iterator<Item = Option<Owner>> + use<'w, A> {
        self.words.iter().map(|word| match word.load(Ordering::Relaxed) {
            FREE => None,
            word => Some(Owner::from_word(word)),
        })
    }

    fn take_free(&self, me: usize) -> Option<usize> {
        let is_free = |word: &A::Word| word.load(Ordering::Relaxed) == FREE;
        self.words.iter().position(|word| is_free(word) && Self::claim(word, FREE, me))
    }

    #[cold]
    fn take_from_dead<L: Liveness + ?Sized>(&self, me: usize, liveness: &L) -> Option<usize> {
        // To ask costs a system call, and neighbours often have the same holder.
        let mut alive = me;
        self.words.iter().position(|word| {
            let seen = word.load(Ordering::Relaxed);
            if seen != FREE && (seen == alive || liveness.is_alive(Owner::from_word(seen))) {
                alive = seen;
                return false;
            }
            Self::claim(word, seen, me)
        })
    }

    /// One transition `seen` → `next`.
    fn claim(word: &A::Word, seen: usize, next: usize) -> bool {
        // Acquire: pairs with the Release in `give`; for the dead see `RobustLock`.
        word.compare_exchange(seen, next, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
}

impl<A: Atomics> fmt::Debug for Permits<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.holders().filter(Option::is_none).count();
        write!(f, "Permits({free} of {} free)", self.words.len())
    }
}
