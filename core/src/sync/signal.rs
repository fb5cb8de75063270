//! A signal that sleepers wait for: what condition variables and queues are made of.
//!
//! # What it guarantees
//!
//! - A signal that is given after somebody [promised to wait](Signal::promise)
//!   is not lost, whoever dies: it is a change of a number, which every waiter
//!   sees, and not something that one of them takes away.
//! - What was [announced](Signal::announce) is found by whoever
//!   [waits for it](Signal::wait_for), without a lock.
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
//! Who finds nobody to wake and has said so wakes once more, for somebody may have
//! gone to sleep in between.
//!
//! A waiter waits until the word is another than the one it left. The number
//! never goes back, so the word that a waiter left does not return, but for the
//! one that went round a word of numbers between two looks.

use core::sync::atomic::Ordering;
use core::task::{Context, Poll};
use core::time::Duration;

use super::{AtomicInt, Atomics, Native, Park, Patience};
use crate::thread::Watch;

/// Somebody may wait.
const WAITED: usize = 1;

/// How long a task waits before it looks whether whoever was to announce something
/// died.
const LULL: Duration = Duration::from_millis(50);

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
    /// One signal more: what is added to the word.
    pub const GIVEN: usize = 2;

    /// The signal whose state is `word`.
    #[must_use]
    #[inline]
    pub const fn new(word: &'w A::Word) -> Self {
        Self { word }
    }

    /// Promises to wait: to be called while the lock is held that keeps what is
    /// waited for from happening.
    pub fn promise(&self) -> Promise {
        // AcqRel: pairs with that in `announce`; the later one of the two sees what
        // was done before the earlier one. Relaxed below: the lock orders what is
        // waited for.
        Promise { seen: self.word.fetch_or(WAITED, Ordering::AcqRel) | WAITED }
    }

    /// Waits until `look` finds something that is [announced](Self::announce);
    /// `None` once `patience` has ended.
    ///
    /// Looks at least once, and after each slice of patience: whoever was to
    /// announce something may have died. Does not spin before it sleeps.
    ///
    /// ```
    /// use core::sync::atomic::{AtomicUsize, Ordering};
    /// use core::time::Duration;
    ///
    /// use anymem_core::sync::{Patience, Signal};
    /// use anymem_core::thread::ThreadModel;
    ///
    /// fn await_letters(letters: &AtomicUsize, bell: &AtomicUsize, model: &dyn ThreadModel) -> bool {
    ///     let bell: Signal<'_> = Signal::new(bell);
    ///     let mut patience = Patience::of(Duration::from_secs(1), model);
    ///     let look = || (letters.load(Ordering::Acquire) > 0).then_some(());
    ///     bell.wait_for(&mut patience, model, look).is_some()
    /// }
    /// ```
    pub fn wait_for<R, M: Park<A> + ?Sized>(
        &self,
        patience: &mut Patience,
        model: &M,
        mut look: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        let mut promise = self.promise();
        if let Some(found) = look() {
            return Some(found);
        }
        loop {
            model.park(self.word, promise.seen, patience.slice(model)?);
            promise = self.promise();
            if let Some(found) = look() {
                // There may be more, announced while this one was on its way.
                self.give(model);
                return Some(found);
            }
        }
    }

    /// As [`wait_for`](Self::wait_for), of a task that is polled: it is woken when it
    /// is to look again. `watch` is kept from one poll to the next, and dropped by
    /// who waits no more.
    pub fn poll_for<R, M: Park<A> + ?Sized>(
        &self,
        watch: &mut Option<Watch>,
        model: &M,
        cx: &Context<'_>,
        mut look: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        let has_waited = watch.take().map(Watch::answer).is_some();
        if !has_waited && let Some(found) = look() {
            return Poll::Ready(found);
        }
        let promise = self.promise();
        let Some(found) = look() else {
            *watch = Some(model.attend(self.word, promise.seen, LULL, cx.waker()));
            return Poll::Pending;
        };
        if has_waited {
            // As in `wait_for`.
            self.give(model);
        }
        Poll::Ready(found)
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
        let before = self.word.fetch_add(Self::GIVEN, Ordering::Relaxed);
        self.wake(before, 1, model);
    }

    /// Wakes `most` at most of those who [wait for](Self::wait_for) what the caller
    /// has just done, if anybody does.
    pub fn announce<M: Park<A> + ?Sized>(&self, most: u32, model: &M) {
        // AcqRel: see `promise`.
        let before = self.word.fetch_add(Self::GIVEN, Ordering::AcqRel);
        if before & WAITED != 0 {
            self.wake(before, most, model);
        }
    }

    /// Wakes `most` at most, after a signal more than `before` was given.
    #[cold]
    fn wake<M: Park<A> + ?Sized>(&self, before: usize, most: u32, model: &M) {
        let given = before.wrapping_add(Self::GIVEN);
        let none_left = model.unpark(self.word, most) < most && given & WAITED != 0;
        if none_left && self.advance(given).is_ok() {
            // Who went to sleep after those were woken did so on the old number;
            // nobody does any more.
            model.unpark(self.word, u32::MAX);
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
        let next = seen.wrapping_add(Self::GIVEN) & !WAITED;
        self.word.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed)
    }
}
