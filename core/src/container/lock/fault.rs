//! What is wrong with the data behind a lock, in one word.
//!
//! | bits | field |
//! |---|---|
//! | 22 | whether the owner panicked; else it died |
//! | 23 | whether the data was abandoned since |
//! | others | the owner, as [`Owner::to_word`] has it |
//!
//! The word is 0 while the data is consistent. Who holds the lock for itself
//! writes it.

use super::error::{Cause, LockError};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::thread::{Owner, ThreadModel};

const CONSISTENT: usize = 0;
const PANICKED: usize = Owner::SPARE_BITS & Owner::SPARE_BITS.wrapping_neg();
const ABANDONED: usize = Owner::SPARE_BITS & !PANICKED;

/// Stands for an owner whose name is lost: no process has the id 0.
const UNKNOWN: usize = Owner { pid: 0, start: 1 }.to_word();

/// The state of the data.
#[repr(transparent)]
pub(super) struct Fault(AtomicUsize);

impl Fault {
    pub(super) const fn none() -> Self {
        Self(AtomicUsize::new(CONSISTENT))
    }

    /// What is wrong, if something is, and whether it was given up on.
    #[inline]
    pub(super) fn get(&self) -> Option<(Cause, bool)> {
        // Relaxed, here and below: the lock orders what its holders do.
        match self.0.load(Ordering::Relaxed) {
            CONSISTENT => None,
            word => Some((cause(word), word & ABANDONED != 0)),
        }
    }

    pub(super) fn cause(&self) -> Option<Cause> {
        self.get().map(|(cause, _)| cause)
    }

    /// The guard of a lock that was just taken, by the state of what it protects.
    #[inline]
    pub(super) fn judge<G>(&self, guard: G) -> Result<G, LockError<G>> {
        match self.get() {
            None => Ok(guard),
            Some((cause, false)) => Err(LockError::Inconsistent { guard, cause }),
            Some((cause, true)) => Err(LockError::Abandoned(cause)),
        }
    }

    /// Notes what has just happened.
    pub(super) fn set(&self, cause: Cause) {
        let owner = match cause.owner().to_word() {
            CONSISTENT => UNKNOWN,
            word => word,
        };
        let how = if matches!(cause, Cause::Panicked(_)) { PANICKED } else { 0 };
        self.0.store(owner | how, Ordering::Relaxed);
    }

    /// Nothing is wrong any more.
    pub(super) fn clear(&self) {
        // Release: keeps this step after the repair, for whoever finds what a
        // holder left that died.
        self.0.store(CONSISTENT, Ordering::Release);
    }

    /// What a holder leaves behind that drops its guard, and was `unwinding`
    /// already when it got it.
    #[inline]
    pub(super) fn leave(&self, unwinding: bool, model: &dyn ThreadModel) {
        let word = self.0.load(Ordering::Relaxed);
        if word != CONSISTENT {
            self.0.store(word | ABANDONED, Ordering::Relaxed);
        } else if !unwinding && model.panicking() {
            self.set(Cause::Panicked(model.owner()));
        }
    }
}

fn cause(word: usize) -> Cause {
    let owner = Owner::from_word(word);
    if word & PANICKED != 0 { Cause::Panicked(owner) } else { Cause::Died(owner) }
}
