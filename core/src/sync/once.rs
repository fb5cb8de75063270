//! Something that is done once, by whoever comes first and lives to the end of it.
//!
//! # What it guarantees
//!
//! - At most one thread of all processes does it at a time, and nobody after it was
//!   done.
//! - Who dies doing it, or gives up, is followed by the next who waits, or comes.
//! - Looking whether it was done is one load, in memory that may be read-only; who
//!   sees that it was sees all that was done.
//!
//! # Protocol
//!
//! | word | meaning |
//! |---|---|
//! | 0 | it is to be done, or being done |
//! | 1 | it was done |
//!
//! Whoever is to do it holds a [fair lock](super::FairLock), in whose line the others
//! wait, and stores the 1 before it releases that. So nothing tells of somebody who
//! died in between but the lock, which is taken over.

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, FairLock, Native, Park, Patience};
use crate::thread::Owner;

const DONE: usize = 1;

/// The protocol, over words that stand anywhere.
pub struct Once<'w, A: Atomics = Native> {
    lock: FairLock<'w, A>,
    done: &'w A::Word,
}

/// What is to be done by who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "who is first is to do it, and to say so"]
pub enum Begun {
    /// Nothing: it was done.
    Done,
    /// The thing itself; then [`finish`](Once::finish) or [`give_up`](Once::give_up).
    First,
}

impl<'w, A: Atomics> Once<'w, A> {
    /// The one whose state is in these words.
    #[must_use]
    pub const fn new(lock: FairLock<'w, A>, done: &'w A::Word) -> Self {
        Self { lock, done }
    }

    /// Whether it was done.
    #[must_use]
    #[inline]
    pub fn is_done(&self) -> bool {
        // Acquire: pairs with the Release in `finish`.
        self.done.load(Ordering::Acquire) == DONE
    }

    /// Waits, within `patience`, until it was done or the caller is to do it.
    ///
    /// # Errors
    ///
    /// Who is doing it, as far as is known.
    pub fn begin<M: Park<A> + ?Sized>(
        &self,
        patience: Patience,
        model: &M,
    ) -> Result<Begun, Option<Owner>> {
        if self.is_done() {
            return Ok(Begun::Done);
        }
        // What the dead left half done is done anew.
        let _ = self.lock.acquire_within(patience, model)?;
        if self.is_done() {
            self.give_up(model);
            return Ok(Begun::Done);
        }
        Ok(Begun::First)
    }

    /// Says that it was done, by the caller, who was [first](Begun::First).
    pub fn finish<M: Park<A> + ?Sized>(&self, model: &M) {
        // Release: publishes what was done.
        self.done.store(DONE, Ordering::Release);
        self.give_up(model);
    }

    /// Leaves it to the next.
    pub fn give_up<M: Park<A> + ?Sized>(&self, model: &M) {
        self.lock.release(model.owner(), model);
    }

    /// Who is doing it, dead or alive.
    #[must_use]
    pub fn doer(&self) -> Option<Owner> {
        self.lock.holder()
    }
}

impl<A: Atomics> fmt::Debug for Once<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_done(), self.doer()) {
            (true, _) => f.write_str("Once(done)"),
            (_, Some(owner)) => write!(f, "Once(being done by {owner})"),
            (_, None) => f.write_str("Once(to be done)"),
        }
    }
}
