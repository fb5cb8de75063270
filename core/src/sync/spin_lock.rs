//! A lock for a few instructions, among threads of one process.
//!
//! Its holder has nothing to wait for and does not die alone, so there is nobody to find
//! dead and nothing to inherit. Others look again and again.

use core::fmt;
use core::sync::atomic::Ordering;

use super::{AtomicInt, Atomics, Native};

const FREE: u32 = 0;
const HELD: u32 = 1;

/// The protocol, over a word that stands anywhere and begins with 0.
pub struct SpinLock<'w, A: Atomics = Native> {
    word: &'w A::U32,
    pause: fn(),
}

impl<'w, A: Atomics> SpinLock<'w, A> {
    /// The lock that is in `word`; who waits for it calls `pause` between two looks.
    #[must_use]
    #[inline]
    pub const fn new(word: &'w A::U32, pause: fn()) -> Self {
        Self { word, pause }
    }

    /// Takes the lock.
    #[inline]
    pub fn lock(&self) -> SpinGuard<'w, A> {
        while !self.take() {
            self.pause();
        }
        SpinGuard { word: self.word }
    }

    /// Takes the lock if nobody has it.
    #[inline]
    pub fn try_lock(&self) -> Option<SpinGuard<'w, A>> {
        self.take().then(|| SpinGuard { word: self.word })
    }

    /// What is done between two looks.
    #[inline]
    pub fn pause(&self) {
        (self.pause)();
    }

    #[inline]
    fn take(&self) -> bool {
        // Acquire: pairs with the Release in `drop`.
        self.word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
}

impl<A: Atomics> fmt::Debug for SpinLock<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpinLock({})", self.word.load(Ordering::Relaxed))
    }
}

/// The lock, until it is dropped.
#[must_use = "the lock is free again at once"]
pub struct SpinGuard<'w, A: Atomics = Native> {
    word: &'w A::U32,
}

impl<A: Atomics> Drop for SpinGuard<'_, A> {
    #[inline]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `take`; publishes what the lock protects.
        self.word.store(FREE, Ordering::Release);
    }
}

impl<A: Atomics> fmt::Debug for SpinGuard<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpinGuard")
    }
}
