//! A mutex that a forked child never finds locked.

use core::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::thread::fork;

/// A mutex that a forked child never finds locked: forks wait for who has it.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> Locked<'_, T> {
        let hold = fork::hold();
        Locked { value: self.0.lock().unwrap_or_else(PoisonError::into_inner), _hold: hold }
    }
}

/// What is behind a [`Lock`]; unlocked before forks may go on.
#[derive(Debug)]
pub(crate) struct Locked<'l, T> {
    value: MutexGuard<'l, T>,
    _hold: fork::Hold,
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Locked<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
