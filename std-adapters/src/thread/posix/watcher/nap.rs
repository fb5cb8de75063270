//! How the thread sleeps on many words at once.
//!
//! The kernel has a call for up to 128 words since Linux 5.16. Words beyond these, and
//! all of them on other kernels, are compared each millisecond.

use core::sync::atomic::AtomicUsize;
use core::time::Duration;

use super::super::futex;
use super::spot::{Waiter, wait_for_any};
use super::{Spot, now};

/// How long the thread sleeps before it compares words that it cannot sleep on.
const TURN: Duration = Duration::from_millis(1);

/// Words that the kernel wakes it for, beside the bell.
const MOST: usize = 127;

/// What a nap was ended by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Woken {
    /// The spot that somebody woke the thread at.
    at: Option<usize>,
    /// How many spots can not have changed without waking the thread.
    sure: usize,
}

impl Woken {
    /// All may have changed.
    const UNSURE: Self = Self { at: None, sure: 0 };

    /// Whether somebody woke the thread at the spot with this index.
    pub(super) fn is_at(self, index: usize) -> bool {
        self.at == Some(index)
    }

    /// Whether the spot with this index may have changed without that.
    pub(super) fn is_unsure_of(self, index: usize) -> bool {
        index >= self.sure
    }
}

/// Sleeps until `bell` is another than `rung`, somebody wakes the thread at one of
/// `spots`, or one of them changes; until then at the latest.
pub(super) fn nap(
    bell: &AtomicUsize,
    rung: usize,
    spots: &[Spot],
    until: Option<Duration>,
) -> Woken {
    let watched = &spots[..spots.len().min(MOST)];
    let turn = (watched.len() < spots.len()).then(|| now() + TURN);
    let until = until.into_iter().chain(turn).min();
    let bell_spot = Spot::new(bell, rung);
    let waiters: Vec<_> = [&bell_spot].into_iter().chain(watched).map(Waiter::new).collect();
    match wait_for_any(&waiters, until) {
        Ok(index) => Woken { at: index.checked_sub(1), sure: watched.len() },
        Err(libc::ETIMEDOUT | libc::EINTR) => Woken { at: None, sure: watched.len() },
        Err(libc::EAGAIN | libc::EFAULT) => Woken::UNSURE,
        // The kernel does not know the call, or lacks memory.
        Err(_) => nap_between_looks(bell, rung, spots),
    }
}

/// As [`nap`], on any kernel.
fn nap_between_looks(bell: &AtomicUsize, rung: usize, spots: &[Spot]) -> Woken {
    let most = if spots.is_empty() { Duration::MAX } else { TURN };
    futex::wait(bell, rung, most);
    Woken::UNSURE
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::Ordering;

    use super::*;

    /// Changes a word without waking anybody.
    #[test]
    fn a_change_is_seen_between_naps() {
        let (bell, word) = (AtomicUsize::new(0), AtomicUsize::new(7));
        let spots = [Spot::new(&word, 7)];
        assert_eq!(nap_between_looks(&bell, 0, &spots), Woken::UNSURE);
        assert!(!spots[0].has_changed());
        word.store(8, Ordering::Relaxed);
        assert_eq!(nap_between_looks(&bell, 0, &spots), Woken::UNSURE);
        assert!(spots[0].has_changed());
    }

    #[test]
    fn a_word_that_changed_before_ends_the_nap() {
        let (bell, word) = (AtomicUsize::new(0), AtomicUsize::new(8));
        let woken = nap(&bell, 0, &[Spot::new(&word, 7)], None);
        assert!(woken.is_unsure_of(0) && !woken.is_at(0));
    }

    #[test]
    fn the_bell_ends_a_nap() {
        let bell = AtomicUsize::new(1);
        nap(&bell, 0, &[], None);
        nap_between_looks(&bell, 0, &[]);
    }

    #[test]
    fn words_beyond_those_of_the_kernel_are_looked_at() {
        let (bell, words) = (AtomicUsize::new(0), [const { AtomicUsize::new(0) }; MOST + 1]);
        let spots: Vec<_> = words.iter().map(|word| Spot::new(word, 0)).collect();
        let woken = nap(&bell, 0, &spots, None);
        assert!(woken.is_unsure_of(MOST));
    }
}
