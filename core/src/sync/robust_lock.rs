//! A lock in one word that outlives its holder.
//!
//! # What it guarantees
//!
//! - At most one thread of all processes holds it.
//! - Nobody waits for ever for a holder that is dead: the lock names its
//!   holder, and a waiter that finds it dead takes the lock over. It is told so
//!   ([`Acquired::Recovered`]), for it must repair what the lock protects.
//! - It may be tried, taken and released any number of times.
//! - [`lock_within`](RobustLock::lock_within) ends, whatever the word holds: it
//!   may be damaged, or a living holder may never go on.
//!
//! Not promised: fairness, and detection of a thread that ended while its
//! process lives on. A thread that takes the lock twice waits for itself.
//!
//! # Protocol
//!
//! | word | meaning |
//! |---|---|
//! | 0 | free |
//! | [`Owner::to_word`] | held by a thread of that process |
//!
//! | transition | by | how |
//! |---|---|---|
//! | free → me | [`acquire`](RobustLock::acquire), [`try_acquire`](RobustLock::try_acquire) | compare-exchange |
//! | dead → me | the same | compare-exchange from the very word that was found dead |
//! | me → free | [`release`](RobustLock::release) | store |
//!
//! Two waiters may find the same holder dead; the compare-exchange lets one of
//! them through. A recoverer that dies is found dead in its turn.

use core::fmt;
use core::time::Duration;

use super::atomic::{AtomicUsize, Ordering};
use super::{Arena, AtomicInt, Atomics, Native};
use crate::offset::Offset;
use crate::thread::{Liveness, NAP, Owner, ThreadModel};

/// How long structures of this crate wait for a lock that is held for short work:
/// whoever keeps it for longer was stopped, or its word is damaged.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The word of a lock that nobody holds.
const FREE: usize = 0;

/// Looks at the word before a waiter starts to yield: a holder that runs
/// releases the lock within some hundred nanoseconds.
const SPINS: u32 = 32;

/// Looks at the word between two questions whether the holder lives, for these
/// cost a system call or more.
const LIVENESS_EVERY: u32 = 64;

/// Looks at the word before a waiter starts to sleep: the holder is stopped, or
/// works at length.
const YIELDS: u32 = 1024;

/// How a lock was had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a recovered lock protects data that must be repaired"]
pub enum Acquired {
    /// It was free.
    Free,
    /// This owner died holding it: what it protects may be half-changed.
    Recovered(Owner),
}

/// The protocol of the lock, over a word that stands anywhere.
pub struct RobustLock<'w, A: Atomics = Native> {
    word: &'w A::Word,
}

impl<'w, A: Atomics> RobustLock<'w, A> {
    /// The lock whose state is `word`.
    #[must_use]
    #[inline]
    pub const fn new(word: &'w A::Word) -> Self {
        Self { word }
    }

    /// The lock whose word stands at `at`.
    #[must_use]
    #[inline]
    pub fn at<R: Arena<A = A>>(arena: &'w R, at: Offset) -> Self {
        Self::new(arena.word(at))
    }

    /// Takes the lock, waiting for as long as a living thread holds it.
    #[inline]
    pub fn acquire<M: ThreadModel + ?Sized>(&self, model: &M) -> Acquired {
        let me = model.owner().to_word();
        if self.claim(FREE, me).is_ok() {
            return Acquired::Free;
        }
        loop {
            if let Ok(acquired) = self.wait(u32::MAX, me, model) {
                return acquired;
            }
        }
    }

    /// Takes the lock unless a living thread holds it.
    #[inline]
    pub fn try_acquire<L: Liveness + ?Sized>(&self, me: Owner, liveness: &L) -> Option<Acquired> {
        match self.claim(FREE, me.to_word()) {
            Ok(()) => Some(Acquired::Free),
            Err(holder) => self.take_over(holder, me.to_word(), liveness).ok(),
        }
    }

    /// Releases the lock, which the caller holds.
    #[inline]
    pub fn release(&self) {
        // Release: pairs with the Acquire in `claim`; publishes what the holder
        // changed.
        self.word.store(FREE, Ordering::Release);
    }

    /// Takes the lock for as long as the guard lives.
    #[inline]
    pub fn lock<M: ThreadModel + ?Sized>(self, model: &M) -> RobustGuard<'w, A> {
        let acquired = self.acquire(model);
        RobustGuard::new(self, acquired)
    }

    /// Takes the lock for as long as the guard lives, if it can be had within
    /// `patience`.
    ///
    /// Without a clock, patience is counted in naps: it is longer where the
    /// model oversleeps, and short where it does not sleep at all.
    ///
    /// # Errors
    ///
    /// Who holds the lock, as far as its word tells.
    #[inline]
    pub fn lock_within<M: ThreadModel + ?Sized>(
        self,
        patience: Duration,
        model: &M,
    ) -> Result<RobustGuard<'w, A>, Owner> {
        let me = model.owner().to_word();
        let acquired = match self.claim(FREE, me) {
            Ok(()) => Acquired::Free,
            Err(_) => self.wait(looks_in(patience), me, model).map_err(Owner::from_word)?,
        };
        Ok(RobustGuard::new(self, acquired))
    }

    /// Who holds the lock at this moment.
    #[must_use]
    pub fn holder(&self) -> Option<Owner> {
        let word = self.word.load(Ordering::Relaxed);
        (word != FREE).then(|| Owner::from_word(word))
    }

    /// One transition `seen` → `me`.
    #[inline]
    fn claim(&self, seen: usize, me: usize) -> Result<(), usize> {
        // Acquire: pairs with the Release in `release`. Where `seen` is a dead
        // holder there is no such store; what it did is visible because the
        // system that reported its death saw it end.
        self.word.compare_exchange(seen, me, Ordering::Acquire, Ordering::Relaxed).map(|_| ())
    }

    /// Looks at the word until the lock can be had, `most` times; else the
    /// holder that was seen last.
    #[cold]
    fn wait<M: ThreadModel + ?Sized>(
        &self,
        most: u32,
        me: usize,
        model: &M,
    ) -> Result<Acquired, usize> {
        let mut holder = FREE;
        for looks in 0..most {
            pause::<A, M>(looks, model);
            match self.look(looks, me, model) {
                Ok(acquired) => return Ok(acquired),
                Err(seen) => holder = seen,
            }
        }
        Err(holder)
    }

    /// A waiter's look at the word, after `looks` others; else the holder.
    fn look<M: ThreadModel + ?Sized>(
        &self,
        looks: u32,
        me: usize,
        model: &M,
    ) -> Result<Acquired, usize> {
        let seen = self.word.load(Ordering::Relaxed);
        if seen == FREE {
            return self.claim(FREE, me).map(|()| Acquired::Free);
        }
        let ask = (looks + 1).is_multiple_of(LIVENESS_EVERY);
        if ask { self.take_over(seen, me, model) } else { Err(seen) }
    }

    /// Takes the lock from `holder` if that is dead.
    #[cold]
    fn take_over<L: Liveness + ?Sized>(
        &self,
        holder: usize,
        me: usize,
        liveness: &L,
    ) -> Result<Acquired, usize> {
        let owner = Owner::from_word(holder);
        if holder == me || liveness.is_alive(owner) {
            return Err(holder);
        }
        self.claim(holder, me).map(|()| Acquired::Recovered(owner)).map_err(|_| holder)
    }
}

/// Lets the holder get on, the more the longer it has been.
fn pause<A: Atomics, M: ThreadModel + ?Sized>(looks: u32, model: &M) {
    match looks {
        0..SPINS => A::spin_hint(),
        SPINS..YIELDS => model.yield_now(),
        YIELDS.. => model.sleep(NAP),
    }
}

/// How often a waiter looks at the word in so much time.
const fn looks_in(patience: Duration) -> u32 {
    let naps = patience.as_micros() / NAP.as_micros();
    let most = (u32::MAX - YIELDS) as u128;
    YIELDS + if naps < most { naps } else { most } as u32
}

impl<A: Atomics> Clone for RobustLock<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Atomics> Copy for RobustLock<'_, A> {}

impl<A: Atomics> fmt::Debug for RobustLock<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.holder() {
            Some(owner) => write!(f, "RobustLock(held by {owner})"),
            None => f.write_str("RobustLock(free)"),
        }
    }
}

/// A held lock, released on drop, also when a panic unwinds.
#[must_use = "the lock is released when the guard is dropped"]
pub struct RobustGuard<'w, A: Atomics = Native> {
    lock: RobustLock<'w, A>,
    /// The word of the dead holder it was taken from, or [`FREE`]: a guard is two
    /// words, which are quickly moved.
    taken_from: usize,
}

impl<'w, A: Atomics> RobustGuard<'w, A> {
    #[inline]
    fn new(lock: RobustLock<'w, A>, acquired: Acquired) -> Self {
        let taken_from = match acquired {
            Acquired::Free => FREE,
            Acquired::Recovered(holder) => holder.to_word(),
        };
        Self { lock, taken_from }
    }

    /// How the lock was had.
    #[inline]
    pub fn acquired(&self) -> Acquired {
        match self.taken_from {
            FREE => Acquired::Free,
            holder => Acquired::Recovered(Owner::from_word(holder)),
        }
    }
}

impl<A: Atomics> Drop for RobustGuard<'_, A> {
    #[inline]
    fn drop(&mut self) {
        self.lock.release();
    }
}

impl<A: Atomics> fmt::Debug for RobustGuard<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RobustGuard").field(&self.acquired()).finish()
    }
}

/// A lock's word as a field of a structure that lives in a segment.
///
/// All zero bytes are a free lock.
#[derive(Default)]
#[repr(transparent)]
pub struct LockWord(AtomicUsize);

impl LockWord {
    /// A free lock.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicUsize::new(FREE))
    }

    /// The protocol over this word.
    #[must_use]
    #[inline]
    pub const fn robust(&self) -> RobustLock<'_> {
        RobustLock::new(&self.0)
    }
}

impl fmt::Debug for LockWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.robust().fmt(f)
    }
}
