//! A signal that sleepers wait for: what a condition variable is made of.
//!
//! # What it guarantees
//!
//! - A signal that is given after somebody [promised to wait](Signal::promise)
//!   is not lost, whoever dies: it is a change of a number, which every waiter
//!   sees, and not something that one of them takes away.
//! - Giving a signal that nobody waits for makes no system call.
//! - Nobody waits for anybody: a waiter that dies or stands still delays nobody.
//!
//! A waiter may return though nobody gave a signal to it, and it does so within
//! some hundredths of a second of each signal to another one.
//!
//! # Protocol
//!
//! | bits | field |
//! |---|---|
//! | 0 | somebody may wait |
//! | 1– | how many signals were given |
//!
//! | transition | by |
//! |---|---|
//! | n, nobody → n, somebody | who is about to wait |
//! | n, somebody → n + 1, somebody | who signals one |
//! | n, somebody → n + 1, nobody | who signals all, or found nobody to wake |
//!
//! A waiter waits until the word is another than the one it left. The number
//! never goes back, so the word that a waiter left does not return, but for the
//! one that went round a word of numbers between two looks.

use core::sync::atomic::Ordering;
use core::time::Duration;

use super::{AtomicInt, Atomics, Native, Park, Patience};

/// Somebody may wait.
const WAITED: usize = 1;

/// One signal more.
const GIVEN: usize = 2;

/// The protocol of the signal, over a word that stands anywhere.
#[derive(Debug)]
pub struct Signal<'w, A: Atomics = Native> {
    word: &'w A::Word,
}

/// A promise to wait; signals count from there on.
#[derive(Debug, Clone, Copy)]
#[must_use = "the signal is to be waited for"]
pub struct Promise {
    seen: usize,
}

impl<'w, A: Atomics> Signal<'w, A> {
    /// The signal whose state is `word`.
    #[must_use]
    #[inline]
    pub const fn new(word: &'w A::Word) -> Self {
        Self { word }
    }

    /// Promises to wait: to be called while the lock is held that keeps what is
    /// waited for from happening.
    pub fn promise(&self) -> Promise {
        // AcqRel: pairs with that in `tell`. Relaxed, below: where there is a lock it
        // orders what is waited for.
        Promise { seen: self.word.fetch_or(WAITED, Ordering::AcqRel) | WAITED }
    }

    /// Waits until `attempt` answers, which nothing keeps from happening meanwhile;
    /// `None` once `patience` has ended.
    ///
    /// Who makes it happen [tells](Self::tell) it. Asks again after each slice of
    /// patience as well, so `attempt` may look for the dead.
    pub fn until<M: Park<A> + ?Sized, R>(
        &self,
        patience: &mut Patience,
        model: &M,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        loop {
            let promise = self.promise();
            if let Some(done) = attempt() {
                return Some(done);
            }
            model.park(self.word, promise.seen, patience.slice(model)?);
        }
    }

    /// Wakes all who wait [until](Self::until) what the caller has just done.
    pub fn tell<M: Park<A> + ?Sized>(&self, model: &M) {
        // AcqRel: of this and the update in `promise` the later one sees the other:
        // either the promise is seen here, or what was done before is there.
        if self.word.fetch_or(0, Ordering::AcqRel) & WAITED != 0 {
            self.give_all(model);
        }
    }

    /// Waits for a signal that is given after the `promise`; false once
    /// `patience` has ended.
    #[must_use]
    pub fn wait<M: Park<A> + ?Sized>(
        &self,
        promise: Promise,
        patience: &mut Patience,
        model: &M,
    ) -> bool {
        while self.word.load(Ordering::Relaxed) == promise.seen {
            let Some(slice): Option<Duration> = patience.slice(model) else { return false };
            model.park(self.word, promise.seen, slice);
        }
        true
    }

    /// Whether somebody may wait.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        self.word.load(Ordering::Relaxed) & WAITED != 0
    }

    /// Wakes one who waits, if anybody does.
    pub fn give<M: Park<A> + ?Sized>(&self, model: &M) {
        let seen = self.word.load(Ordering::Relaxed);
        if seen & WAITED == 0 {
            return;
        }
        let given = self.word.fetch_add(GIVEN, Ordering::Relaxed).wrapping_add(GIVEN);
        if model.unpark(self.word, 1) == 0 && given & WAITED != 0 {
            // Nobody sleeps; whoever is about to sees that the number is another.
            let _ = self.advance(given);
        }
    }

    /// Wakes all who wait.
    pub fn give_all<M: Park<A> + ?Sized>(&self, model: &M) {
        loop {
            let seen = self.word.load(Ordering::Relaxed);
            if seen & WAITED == 0 {
                return;
            }
            if self.advance(seen).is_ok() {
                model.unpark(self.word, u32::MAX);
                return;
            }
        }
    }

    /// One signal more, and nobody who waits for the next.
    fn advance(&self, seen: usize) -> Result<usize, usize> {
        let next = seen.wrapping_add(GIVEN) & !WAITED;
        self.word.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed)
    }
}
