//! Argobots' user-level threads as a thread model.

mod keys;
mod library;
mod sleep;

use core::ffi::c_void;
use core::fmt;
use core::sync::atomic::AtomicUsize;
use core::task::Waker;
use core::time::Duration;

use anymem_core::thread::{Liveness, Owner, ThreadId, ThreadModel, TlsError, TlsKey, Watch};
use thiserror::Error;

use self::library::Abt;
use super::PthreadModel;

/// Why the user-level threads of Argobots cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArgobotsError {
    /// The library is not there, or lacks a function.
    #[error(
        "Argobots cannot be used: {why}: install libabt.so (spack: argobots; openSUSE: \
         libabt), or use `PthreadModel`"
    )]
    Library {
        /// What the system's loader says.
        why: String,
    },
    /// The program has not called `ABT_init`, or has called `ABT_finalize`.
    #[error("Argobots does not run: call `ABT_init` before the model is loaded")]
    NotRunning,
}

/// The user-level threads of a program that runs on Argobots (hermes-shm: `Argobots`).
///
/// User-level threads are many, switch where they say so, and may go on on another
/// execution stream, which is another of the system's threads. So nothing here is a
/// system thread's own:
///
/// - A thread's id is its number in Argobots, with the highest bit set. Threads of the
///   system that run no user-level threads may use the same heaps: for them all is as with
///   [`PthreadModel`].
/// - A [`TlsKey`] stands for a key of Argobots, and a value is its user-level thread's,
///   wherever that runs. `on_exit` is called when Argobots frees the thread, by whoever has
///   that done.
/// - Who [waits](ThreadModel::wait), [sleeps](ThreadModel::sleep) or
///   [yields](ThreadModel::yield_now) lets other user-level threads run on its stream, so
///   locks in a heap may be held across a switch. Who changes a word wakes them from
///   whatever process.
/// - [Whereabouts](ThreadModel::whereabouts) are the number of the execution stream.
/// - Processes are as with [`PthreadModel`]: owners, deaths, the clock.
///
/// # Heaps
///
/// Use a heap with this model through [`LentSlots`](crate::allocator::LentSlots), with as
/// many places as there are execution streams: user-level threads are too many to have a
/// slot each, and one that has claimed a [`Context`](anymem_core::thread::Context) by hand
/// keeps it wherever it goes on. In a [`MemoryManager`](crate::MemoryManager) this kind is
/// called [`UserLevel`](crate::manager::UserLevel). Processes without Argobots attach the
/// same heap as they do others, and the other way round.
///
/// [`SharedHeap`](crate::SharedHeap) has the slots of the system's threads. Calls to it are
/// right from user-level threads too, for none switches in the midst of one; but waiting
/// for its locks stops the whole stream, and a compiler that keeps the address of
/// thread-local storage in a function which switches between two calls would take another
/// thread's slot. So it is not for user-level threads.
///
/// Tasklets cannot switch: one that waits stops its stream.
///
/// ```
/// use anymem::allocator::Allocator;
/// use anymem::backend::MemfdBackend;
/// use anymem::manager::{BackendId, ManagerError, MemoryManager, UserLevel};
/// use anymem::offset::AllocatorId;
/// use anymem::thread::Context;
/// use anymem::Size;
/// use core::alloc::Layout;
///
/// let (manager, backend, id) = (MemoryManager::global(), BackendId(0), AllocatorId::new(0, 1));
/// manager.create_backend::<MemfdBackend>(backend, Size::mib(64), "for user-level threads")?;
/// let heap = match manager.create_allocator::<UserLevel>(backend, id, 64) {
///     Err(ManagerError::Argobots(error)) => {
///         println!("{error}");
///         return Ok(());
///     }
///     made => made?,
/// };
/// let block = heap.allocate(Context::DEFAULT, Layout::new::<u64>())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct ArgobotsModel {
    abt: &'static Abt,
}

/// What tells numbers of user-level threads from those of the system's.
const USER_LEVEL: u64 = 1 << 63;

impl ArgobotsModel {
    /// The library that the program runs on.
    ///
    /// # Errors
    ///
    /// [`ArgobotsError::Library`] where there is none, [`ArgobotsError::NotRunning`] before
    /// `ABT_init`.
    pub fn load() -> Result<Self, ArgobotsError> {
        let abt = Abt::get()?;
        if abt.is_running() { Ok(Self { abt }) } else { Err(ArgobotsError::NotRunning) }
    }

    /// Whether the caller is a user-level thread, which can let others run.
    fn is_user_level(self) -> bool {
        self.abt.own_id().is_some()
    }
}

impl fmt::Debug for ArgobotsModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ArgobotsModel")
    }
}

impl Liveness for ArgobotsModel {
    fn is_alive(&self, owner: Owner) -> bool {
        PthreadModel.is_alive(owner)
    }
}

impl ThreadModel for ArgobotsModel {
    fn thread_id(&self) -> ThreadId {
        match self.abt.own_id() {
            Some(id) => ThreadId(id | USER_LEVEL),
            None => PthreadModel.thread_id(),
        }
    }

    #[inline]
    fn whereabouts(&self) -> usize {
        self.abt.own_rank().unwrap_or_else(|| PthreadModel.whereabouts())
    }

    fn owner(&self) -> Owner {
        PthreadModel.owner()
    }

    fn yield_now(&self) {
        if !self.abt.yield_now() {
            PthreadModel.yield_now();
        }
    }

    fn sleep(&self, time: Duration) {
        if self.is_user_level() {
            sleep::sleep(self.abt, time);
        } else {
            PthreadModel.sleep(time);
        }
    }

    fn clock(&self) -> Option<Duration> {
        PthreadModel.clock()
    }

    fn wait(&self, word: &AtomicUsize, expected: usize, most: Duration) -> bool {
        if self.is_user_level() {
            sleep::wait(self.abt, word, expected, most)
        } else {
            PthreadModel.wait(word, expected, most)
        }
    }

    fn wake(&self, word: &AtomicUsize, most: u32) -> u32 {
        PthreadModel.wake(word, most)
    }

    fn watch(&self, word: &AtomicUsize, expected: usize, most: Duration, waker: &Waker) -> Watch {
        PthreadModel.watch(word, expected, most, waker)
    }

    fn panicking(&self) -> bool {
        PthreadModel.panicking()
    }

    fn create_tls(
        &self,
        on_exit: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> Result<TlsKey, TlsError> {
        keys::create(self.abt, on_exit)
    }

    fn destroy_tls(&self, key: TlsKey) -> Result<(), TlsError> {
        keys::destroy(self.abt, key)
    }

    fn get_tls(&self, key: TlsKey) -> *mut c_void {
        keys::get(self.abt, key)
    }

    fn set_tls(&self, key: TlsKey, value: *mut c_void) -> Result<(), TlsError> {
        keys::set(self.abt, key, value)
    }
}
