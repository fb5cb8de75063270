//! Why a lock gave no guard, or not only a guard.

use core::fmt;

use super::super::ContainerError;
use crate::thread::Owner;

/// What made the data behind a lock doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// This process died while it held the lock; its id is 0 where that was lost.
    Died(Owner),
    /// A panic unwound a thread of this process while it held the lock.
    Panicked(Owner),
}

impl Cause {
    /// Who held the lock.
    #[must_use]
    pub const fn owner(self) -> Owner {
        match self {
            Self::Died(owner) | Self::Panicked(owner) => owner,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Died(owner) => write!(f, "{owner} died holding the lock"),
            Self::Panicked(owner) => write!(f, "{owner} panicked holding the lock"),
        }
    }
}

/// Why a lock gave no guard, or not only a guard of type `G`.
#[must_use = "it may hold the lock"]
pub enum LockError<G> {
    /// The lock is held, and what it protects may be half-changed. Repair it, and
    /// mark it consistent; else it is abandoned when the guard is dropped.
    Inconsistent {
        /// The lock, held.
        guard: G,
        /// What happened.
        cause: Cause,
    },
    /// Whoever was told that the data is inconsistent has not marked it otherwise.
    Abandoned(Cause),
    /// Somebody else has the lock: this process, if its word tells.
    Busy(Option<Owner>),
    /// The lock's heap is not attached, or read-only.
    Heap(ContainerError),
}

impl<G> LockError<G> {
    /// The guard, where there is one.
    #[must_use]
    pub fn into_guard(self) -> Option<G> {
        match self {
            Self::Inconsistent { guard, .. } => Some(guard),
            _ => None,
        }
    }
}

impl<G> fmt::Display for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inconsistent { cause, .. } => {
                write!(f, "{cause}: repair what it protects, and mark it consistent")
            }
            Self::Abandoned(cause) => {
                write!(f, "{cause}, and nobody repaired what it protects: recover it")
            }
            Self::Busy(Some(holder)) => write!(f, "the lock is held by {holder}"),
            Self::Busy(None) => f.write_str("the lock is held by others"),
            Self::Heap(error) => error.fmt(f),
        }
    }
}

impl<G> fmt::Debug for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inconsistent { cause, .. } => f.debug_tuple("Inconsistent").field(cause).finish(),
            Self::Abandoned(cause) => f.debug_tuple("Abandoned").field(cause).finish(),
            Self::Busy(holder) => f.debug_tuple("Busy").field(holder).finish(),
            Self::Heap(error) => f.debug_tuple("Heap").field(error).finish(),
        }
    }
}

impl<G> core::error::Error for LockError<G> {}

impl<G> From<ContainerError> for LockError<G> {
    fn from(error: ContainerError) -> Self {
        Self::Heap(error)
    }
}
