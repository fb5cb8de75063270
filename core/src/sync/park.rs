//! Sleeping on a word, whatever the word is made of.

use core::task::Waker;
use core::time::Duration;

use super::{Atomics, Native};
use crate::thread::{ThreadModel, Watch};

/// A threading system whose threads can sleep on the words of `A`.
///
/// Every [`ThreadModel`] is one for the machine's own words. A model checker
/// brings its own.
pub trait Park<A: Atomics>: ThreadModel {
    /// As [`ThreadModel::wait`].
    fn park(&self, word: &A::Word, expected: usize, most: Duration) -> bool;

    /// As [`ThreadModel::wake`].
    fn unpark(&self, word: &A::Word, most: u32) -> u32;

    /// As [`ThreadModel::watch`].
    fn attend(&self, word: &A::Word, expected: usize, most: Duration, waker: &Waker) -> Watch;
}

impl<M: ThreadModel + ?Sized> Park<Native> for M {
    #[inline]
    fn park(&self, word: &<Native as Atomics>::Word, expected: usize, most: Duration) -> bool {
        self.wait(word, expected, most)
    }

    #[inline]
    fn unpark(&self, word: &<Native as Atomics>::Word, most: u32) -> u32 {
        self.wake(word, most)
    }

    fn attend(
        &self,
        word: &<Native as Atomics>::Word,
        expected: usize,
        most: Duration,
        waker: &Waker,
    ) -> Watch {
        self.watch(word, expected, most, waker)
    }
}
