//! Locks that live in a heap and survive those who hold them.
//!
//! | type | like | size on 64-bit machines |
//! |---|---|---|
//! | [`ShmMutex<T>`] | `std::sync::Mutex<T>` | 40 bytes and the `T` |
//! | [`ShmRwLock<T>`] | `std::sync::RwLock<T>` | 168 bytes and the `T` |
//! | [`ShmCondvar`] | `std::sync::Condvar` | 16 bytes |
//! | [`ShmOnce<T>`] | `std::sync::OnceLock<T>` | 40 bytes and the `T` |
//! | [`ShmSemaphore`] | a semaphore with guards | 80 bytes, and 8 a permit in a block |
//! | [`ShmBarrier`] | `std::sync::Barrier` | 88 bytes, and 16 a participant in a block |
//!
//! They are values like any others: in a root, a box, a vector, a map, a struct
//! of yours. Only the last two allocate anything, when they are made. Like the containers they know the id of a
//! heap, through which they learn how this process sleeps and who is dead.
//!
//! What becomes of the last three when somebody dies is told with each of them: nothing
//! is left to be repaired but a broken barrier. The rest of this is about the locks.
//!
//! # What becomes of a lock
//!
//! | state | how it came about | `lock`, `read`, `write` answer |
//! |---|---|---|
//! | consistent | new, or marked so | a guard |
//! | inconsistent | the holder died, or a panic unwound it | [`LockError::Inconsistent`], once: who and how, and a guard |
//! | abandoned | whoever was told dropped the guard without [`mark_consistent`](MutexGuard::mark_consistent) | [`LockError::Abandoned`] to all, at once |
//!
//! From all states but the first [`recover`](ShmMutex::recover) gives a guard,
//! whose `mark_consistent` leads back to the first. If who was told dies as
//! well, the next one is told of that death.
//!
//! ```
//! # use anymem_core::container::{LockError, MutexGuard, ShmMutex};
//! /// Two numbers and their sum.
//! fn hold(sum: &ShmMutex<[u64; 3]>) -> Option<MutexGuard<'_, [u64; 3]>> {
//!     match sum.lock() {
//!         Ok(guard) => Some(guard),
//!         Err(LockError::Inconsistent { mut guard, cause }) => {
//!             eprintln!("{cause}: the sum is made anew");
//!             guard[2] = guard[0] + guard[1];
//!             guard.mark_consistent();
//!             Some(guard)
//!         }
//!         Err(_) => None,
//!     }
//! }
//! ```
//!
//! # What they promise
//!
//! - One call of `lock` is told of each death of a holder. (Where somebody dies
//!   while it takes a lock over from the dead, that is one death for both.)
//! - Whoever is told of a death finds the containers in the value
//!   [settled](super::Trace::settle): each is as before or after the call that was
//!   cut short.
//! - Nobody waits for ever for the dead: whoever waits asks every hundredth of a
//!   second whether the holder lives, and takes the lock over if not. A dead
//!   reader is struck out by who waits to write.
//! - Those who die or stand still while they wait take no wake-up with them: the
//!   others go on after some hundredths of a second.
//! - Nobody starves; [`FairLock`](crate::sync::FairLock) and
//!   [`SharedLock`](crate::sync::SharedLock) say within which bounds.
//! - `lock_timeout` and its kin end, as exactly as the thread model's clock goes
//!   (some milliseconds on Linux), whatever the lock's words hold.
//! - A lock that nobody wants is taken and released without a system call.
//! - No method panics. A child that was forked while a guard was held has no part
//!   in the lock: its copy of the guard releases nothing.
//!
//! # What they do not
//!
//! - A lock is held by a process. A thread that ends while it holds a guard, and
//!   leaves its process alive, is not noticed; safe code gets there with
//!   `mem::forget` alone.
//! - A thread that takes a lock which it holds waits for itself. So does one that
//!   reads twice, if somebody wants to write in between.
//! - A lock whose words are damaged so that they name a living process is waited
//!   for until that ends; `lock_timeout` is not.
//! - Whoever stops a holder (SIGSTOP) stops those who want that lock.
//! - Who is dead is seen within one PID namespace.

mod barrier;
mod condvar;
mod error;
mod fault;
mod mutex;
mod once;
mod rw_lock;
mod semaphore;

pub use barrier::{BarrierError, Met, Participant, ShmBarrier};
pub use condvar::{ShmCondvar, Woken};
pub use error::{Cause, LockError};
pub use mutex::{MutexGuard, ShmMutex};
pub use once::{OnceError, ShmOnce};
pub use rw_lock::{ReadGuard, ShmRwLock, WriteGuard};
pub use semaphore::{Permit, SemaphoreError, ShmSemaphore};
