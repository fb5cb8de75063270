//! Waiting for what another process does to a value.

use core::fmt;
use core::time::Duration;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmSafe};
use super::error::LockError;
use super::mutex::MutexGuard;
use crate::allocator::Allocator;
use crate::offset::AllocatorId;
use crate::sync::atomic::AtomicUsize;
use crate::sync::{Patience, Signal};
use crate::thread::ThreadModel;

/// A `Condvar` in a heap.
///
/// A notification is not a thing that one waiter takes: it is a number that all
/// waiters see change. So one that was meant for a process that died is not lost.
/// The price is that waiters return for no reason now and then, as those of other
/// condition variables do: each of them within a hundredth of a second of any
/// notification. [`wait_while`](Self::wait_while) takes care of that.
///
/// Notifying costs no system call while nobody waits. Waiting ends with taking the
/// mutex again, with the same outcomes as [`ShmMutex::lock`](super::ShmMutex::lock).
/// A guard that was told of an inconsistency is to be marked consistent before it
/// waits: waiting drops it.
///
/// ```no_run
/// use anymem_core::container::{LockError, MutexGuard, ShmCondvar, ShmMutex};
///
/// struct Desk<'h> { filled: &'h ShmCondvar, letters: &'h ShmMutex<u32> }
///
/// impl<'h> Desk<'h> {
///     fn put(&self) -> Result<(), LockError<MutexGuard<'h, u32>>> {
///         *self.letters.lock()? += 1;
///         Ok(self.filled.notify_one()?)
///     }
///
///     fn take(&self) -> Result<(), LockError<MutexGuard<'h, u32>>> {
///         let letters = self.letters.lock()?;
///         *self.filled.wait_while(letters, |letters| *letters == 0)? -= 1;
///         Ok(())
///     }
/// }
/// ```
#[repr(C)]
pub struct ShmCondvar {
    heap: AllocatorId,
    word: AtomicUsize,
}

/// How a wait with a time limit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// Something may have happened.
    Notified,
    /// The time is over.
    TimedOut,
}

/// What waiting comes to: the mutex again, as its `lock` gives it.
type Again<'m, T> = Result<MutexGuard<'m, T>, LockError<MutexGuard<'m, T>>>;

impl ShmCondvar {
    /// A condition variable, to live in `heap`; allocates nothing.
    #[must_use]
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(heap.id())
    }

    /// A condition variable, to live in the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(heap: AllocatorId) -> Self {
        Self { heap, word: AtomicUsize::new(0) }
    }

    /// The id of the heap that it was made for.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// Releases the mutex, waits to be notified, and takes the mutex again.
    ///
    /// # Errors
    ///
    /// As [`ShmMutex::lock`](super::ShmMutex::lock).
    pub fn wait<'m, T: ShmSafe>(&self, guard: MutexGuard<'m, T>) -> Again<'m, T> {
        self.wait_within(guard, &mut Patience::Endless).map(|(guard, _)| guard)
    }

    /// As [`wait`](Self::wait), for `most` at most. Taking the mutex again may
    /// take longer.
    ///
    /// # Errors
    ///
    /// As [`ShmMutex::lock`](super::ShmMutex::lock).
    pub fn wait_timeout<'m, T: ShmSafe>(
        &self,
        guard: MutexGuard<'m, T>,
        most: Duration,
    ) -> Result<(MutexGuard<'m, T>, Woken), LockError<MutexGuard<'m, T>>> {
        let mut patience = Patience::of(most, guard.model());
        self.wait_within(guard, &mut patience)
    }

    /// Waits while `condition` holds for the value.
    ///
    /// # Errors
    ///
    /// As [`ShmMutex::lock`](super::ShmMutex::lock).
    pub fn wait_while<'m, T: ShmSafe>(
        &self,
        mut guard: MutexGuard<'m, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> Again<'m, T> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Waits while `condition` holds for the value, for `most` at most; timed out
    /// if it still does.
    ///
    /// # Errors
    ///
    /// As [`ShmMutex::lock`](super::ShmMutex::lock).
    pub fn wait_timeout_while<'m, T: ShmSafe>(
        &self,
        mut guard: MutexGuard<'m, T>,
        most: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> Result<(MutexGuard<'m, T>, Woken), LockError<MutexGuard<'m, T>>> {
        let mut patience = Patience::of(most, guard.model());
        let mut woken = Woken::Notified;
        while condition(&mut guard) {
            if woken == Woken::TimedOut {
                return Ok((guard, woken));
            }
            (guard, woken) = self.wait_within(guard, &mut patience)?;
        }
        Ok((guard, Woken::Notified))
    }

    /// Wakes one who waits, if anybody does.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only.
    pub fn notify_one(&self) -> Result<(), ContainerError> {
        self.signal().give(self.model()?);
        Ok(())
    }

    /// Wakes all who wait.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or read-only.
    pub fn notify_all(&self) -> Result<(), ContainerError> {
        self.signal().give_all(self.model()?);
        Ok(())
    }

    /// Whether somebody may wait: true until somebody is notified and nobody is
    /// found to.
    #[must_use]
    pub fn is_waited_for(&self) -> bool {
        self.signal().is_waited_for()
    }

    fn signal(&self) -> Signal<'_> {
        Signal::new(&self.word)
    }

    fn model(&self) -> Result<&'static dyn ThreadModel, ContainerError> {
        let heap = Heap::find(self.heap)?;
        heap.writable().map(|()| heap.model())
    }

    fn wait_within<'m, T: ShmSafe>(
        &self,
        guard: MutexGuard<'m, T>,
        patience: &mut Patience,
    ) -> Result<(MutexGuard<'m, T>, Woken), LockError<MutexGuard<'m, T>>> {
        let (mutex, model) = (guard.mutex(), self.model()?);
        let promise = self.signal().promise();
        drop(guard);
        let notified = self.signal().wait(promise, patience, model);
        let woken = if notified { Woken::Notified } else { Woken::TimedOut };
        mutex.lock().map(|guard| (guard, woken))
    }
}

impl fmt::Debug for ShmCondvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShmCondvar(in heap {})", self.heap)
    }
}
