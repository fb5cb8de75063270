//! No pool is destroyed, and no process forked, while a thread ends that has used a pool.
//!
//! The library has something for each thread in each pool, behind a key of
//! `pthread_key_create`, and puts it away when the thread ends. `rml::pool_destroy` deletes
//! the key and gives that memory back, but does not wait for a thread that is just at it. The
//! thread takes locks of the library for it, which in a child forked then would be locked for
//! ever. So threads that end are in one of two [`Rooms`], and threads that destroy pools or fork
//! in the other.
//!
//! A thread enters where Rust drops its thread-local values, which is before the destructors
//! of keys are called. It leaves in their second round, for those of the library ran in the
//! first; in a later one where a destructor used a pool once more.
//!
//! Not heard of are the main thread, which seldom ends before the process, and a thread that
//! uses a pool for the first time in the destructor of a key.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::time::Instant;

use anymem_core::sync::{Room, Rooms};

use crate::thread::hooks::Hook;
use crate::thread::{exit, fork};

static WORD: AtomicU32 = AtomicU32::new(0);
static ROOMS: Rooms<'_> = Rooms::new(&WORD, std::thread::yield_now);

static ROUND: Hook = Hook::new(round);
static BEFORE_FORK: Hook = Hook::new(before_fork);
static AFTER_FORK: Hook = Hook::new(after_fork);
static FORKED: Hook = Hook::new(count_anew);

/// How long a fork waits for threads that end. One may itself wait, in a destructor of a
/// thread-local value, for a lock that the forking thread has: then it is not in the library.
const PATIENCE: Duration = Duration::from_secs(1);

/// Rounds in which keys' destructors are called for certain.
const ROUNDS: u8 = 4;

/// Where a thread is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has not used a pool.
    New,
    /// Its end will be heard of.
    Heard,
    /// It is in the room of those that end. Since the last round, or before the first one, it has
    /// `used` a pool.
    Ending { rounds: u8, used: bool },
    /// It is never in that room, or not any more.
    Apart,
}

thread_local! {
    static STAGE: Cell<Stage> = const { Cell::new(Stage::New) };
    /// Whether this thread is in the major room because it is forking.
    static FORKING: Cell<bool> = const { Cell::new(false) };
    static FIRST_SIGN: FirstSign = const { FirstSign };
}

/// Is dropped when the thread begins to end.
struct FirstSign;

impl Drop for FirstSign {
    fn drop(&mut self) {
        if STAGE.get() == Stage::Heard {
            ROOMS.enter(Room::Minor);
            STAGE.set(Stage::Ending { rounds: 0, used: true });
        }
    }
}

/// To be called before the first pool is made.
pub(super) fn mind_forks() {
    fork::call_around(&BEFORE_FORK, &AFTER_FORK);
    fork::call_in_child(&FORKED);
}

/// To be called before the library is, by the thread that calls it.
#[inline]
pub(super) fn note_use() {
    match STAGE.get() {
        Stage::New => hear(),
        Stage::Ending { rounds, used: false } => STAGE.set(Stage::Ending { rounds, used: true }),
        Stage::Heard | Stage::Ending { .. } | Stage::Apart => {}
    }
}

#[cold]
fn hear() {
    // SAFETY: two numbers are read.
    let is_main = unsafe { libc::gettid() == libc::getpid() };
    let is_heard = !is_main && FIRST_SIGN.try_with(|_| ()).is_ok() && exit::hear(&ROUND);
    STAGE.set(if is_heard { Stage::Heard } else { Stage::Apart });
}

/// A round of the destructors of keys, of which others may be called after this one.
fn round() {
    let Stage::Ending { rounds, used } = STAGE.get() else { return };
    let is_over = exit::is_of_process() || rounds + 1 == ROUNDS || !used;
    if is_over || !exit::hear(&ROUND) {
        STAGE.set(Stage::Apart);
        ROOMS.leave(Room::Minor);
    } else {
        STAGE.set(Stage::Ending { rounds: rounds + 1, used: false });
    }
}

/// Calls `destroy` when no other thread that used a pool is about to end.
pub(super) fn while_none_ends<R>(destroy: impl FnOnce() -> R) -> R {
    let Stage::Ending { rounds, .. } = STAGE.get() else { return among_destroyers(destroy) };
    // It is not in the library, so that others need not wait for it either.
    STAGE.set(Stage::Apart);
    ROOMS.leave(Room::Minor);
    let destroyed = among_destroyers(destroy);
    ROOMS.enter(Room::Minor);
    STAGE.set(Stage::Ending { rounds, used: true });
    destroyed
}

fn among_destroyers<R>(destroy: impl FnOnce() -> R) -> R {
    ROOMS.enter(Room::Major);
    let destroyed = destroy();
    ROOMS.leave(Room::Major);
    destroyed
}

/// The thread itself may be one that ends, but is not in the library.
fn before_fork() {
    if is_ending() {
        ROOMS.leave(Room::Minor);
    }
    let since = Instant::now();
    FORKING.set(ROOMS.enter_unless(Room::Major, || since.elapsed() > PATIENCE));
}

fn after_fork() {
    if FORKING.replace(false) {
        ROOMS.leave(Room::Major);
    }
    if is_ending() {
        ROOMS.enter(Room::Minor);
    }
}

/// In a forked child nobody ends, unless the one thread that is there does.
fn count_anew() {
    FORKING.set(false);
    WORD.store(u32::from(is_ending()), Ordering::Relaxed);
}

fn is_ending() -> bool {
    matches!(STAGE.get(), Stage::Ending { .. })
}
