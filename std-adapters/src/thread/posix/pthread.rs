//! POSIX threads as a thread model.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(feature = "async")]
use core::task::Waker;
use core::time::Duration;

#[cfg(feature = "async")]
use anymem_core::thread::Watch;
use anymem_core::thread::{Liveness, Owner, ThreadId, ThreadModel, TlsError, TlsKey};

#[cfg(feature = "async")]
use super::watcher;
use super::{fork, futex, keys, liveness, world};
use crate::thread::hooks::Hook;

/// The threads of this system (hermes-shm: `Pthreads`).
///
/// - A thread's id is the kernel's, so it is unique in the whole system.
/// - The owner is {process id, start time}, the latter mixed with the boot and
///   the PID namespace; a forked child is another owner. A child made by a bare
///   `clone` system call, past the C library, is not noticed and must not use a
///   heap of its parent.
/// - Liveness comes from `/proc/PID/stat`: a process is dead when it is gone,
///   is a zombie with no thread left, or started at another time. Processes of
///   another PID namespace or an earlier boot are dead as far as the model
///   knows; the thread model of a heap
///   ([`Allocator::thread_model`](crate::allocator::Allocator::thread_model))
///   also asks who has its file locked, and so knows of those that live.
/// - Who [waits](ThreadModel::wait) sleeps in the kernel on the word's lowest 32
///   bits (a futex), and is woken from whatever process has the same memory.
/// - With the feature `async`, who [watches](ThreadModel::watch) a word is woken by a
///   thread of the process, which sleeps on all such words (`futex_waitv`; kernels
///   before Linux 5.16 have it look each millisecond). It is started when it is needed
///   for the first time.
/// - A [`TlsKey`] is the number of a pthread key. Its `on_exit` runs when a
///   thread ends, not when the process does.
///
/// Nothing here allocates, except what the C library does for its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PthreadModel;

static PID: AtomicU32 = AtomicU32::new(0);
static START: AtomicU64 = AtomicU64::new(0);
static WORLD: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

static FORGET: Hook = Hook::new(forget_process);

/// Drops what names the process, in a forked child.
fn forget_process() {
    PID.store(0, Ordering::Relaxed);
    THREAD.set(0);
}

#[cold]
fn learn_owner() -> Owner {
    fork::call_in_child(&FORGET);
    let pid = std::process::id();
    let world = world::number();
    let start = liveness::own_start(world);
    WORLD.store(world, Ordering::Relaxed);
    START.store(start, Ordering::Relaxed);
    // Release: pairs with the Acquire in `owner`; publishes the others.
    PID.store(pid, Ordering::Release);
    Owner { pid, start }
}

#[cold]
fn learn_thread() -> u64 {
    fork::call_in_child(&FORGET);
    // SAFETY: `gettid` takes nothing and always succeeds.
    let id = unsafe { libc::gettid() } as u64;
    THREAD.set(id);
    id
}

impl Liveness for PthreadModel {
    fn is_alive(&self, owner: Owner) -> bool {
        // Asked first, for it sees to it that the world is known.
        let me = self.owner();
        owner.to_word() == me.to_word() || liveness::is_alive(owner, WORLD.load(Ordering::Relaxed))
    }
}

impl ThreadModel for PthreadModel {
    fn thread_id(&self) -> ThreadId {
        match THREAD.get() {
            0 => ThreadId(learn_thread()),
            id => ThreadId(id),
        }
    }

    fn owner(&self) -> Owner {
        // Acquire: pairs with the Release in `learn_owner`.
        match PID.load(Ordering::Acquire) {
            0 => learn_owner(),
            pid => Owner { pid, start: START.load(Ordering::Relaxed) },
        }
    }

    fn yield_now(&self) {
        // SAFETY: `sched_yield` takes nothing.
        unsafe { libc::sched_yield() };
    }

    fn sleep(&self, time: Duration) {
        let mut left = libc::timespec {
            tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: time.subsec_nanos() as _,
        };
        // SAFETY: the structure is readable and writable; the call stores in it
        // what is left when a signal ends it.
        while unsafe { libc::nanosleep(&raw const left, &raw mut left) } != 0
            && crate::sys::errno() == libc::EINTR
        {}
    }

    fn clock(&self) -> Option<Duration> {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the structure is writable.
        let result = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
        (result == 0).then(|| Duration::new(now.tv_sec as u64, now.tv_nsec as u32))
    }

    fn wait(&self, word: &AtomicUsize, expected: usize, most: Duration) -> bool {
        futex::wait(word, expected, most)
    }

    fn wake(&self, word: &AtomicUsize, most: u32) -> u32 {
        futex::wake(word, most)
    }

    #[cfg(feature = "async")]
    fn watch(&self, word: &AtomicUsize, expected: usize, most: Duration, waker: &Waker) -> Watch {
        watcher::watch(watcher::Spot::new(word, expected), most, waker)
    }

    fn panicking(&self) -> bool {
        std::thread::panicking()
    }

    fn create_tls(
        &self,
        on_exit: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> Result<TlsKey, TlsError> {
        let mut key: libc::pthread_key_t = 0;
        // SAFETY: `key` is writable; the function is called as the caller
        // agreed to.
        match unsafe { libc::pthread_key_create(&raw mut key, on_exit) } {
            0 if keys::note(key) => Ok(TlsKey(key as usize)),
            libc::ENOMEM => Err(TlsError::NoMemory),
            _ => Err(TlsError::NoKeyLeft),
        }
    }

    fn destroy_tls(&self, key: TlsKey) -> Result<(), TlsError> {
        let key = keys::forget(key).ok_or(TlsError::UnknownKey)?;
        // SAFETY: the key was made here and is deleted once.
        match unsafe { libc::pthread_key_delete(key) } {
            0 => Ok(()),
            _ => Err(TlsError::UnknownKey),
        }
    }

    fn get_tls(&self, key: TlsKey) -> *mut c_void {
        match keys::known(key) {
            // SAFETY: the key was made here and not deleted.
            Some(key) => unsafe { libc::pthread_getspecific(key) },
            None => ptr::null_mut(),
        }
    }

    #[allow(clippy::not_unsafe_ptr_arg_deref, reason = "the value is kept, not followed")]
    fn set_tls(&self, key: TlsKey, value: *mut c_void) -> Result<(), TlsError> {
        let key = keys::known(key).ok_or(TlsError::UnknownKey)?;
        // SAFETY: the key was made here and not deleted.
        match unsafe { libc::pthread_setspecific(key, value) } {
            0 => Ok(()),
            libc::ENOMEM => Err(TlsError::NoMemory),
            _ => Err(TlsError::UnknownKey),
        }
    }
}
