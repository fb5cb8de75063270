//! The thread that wakes tasks when words change.
//!
//! A task is woken by its [`Waker`], which only its own process can call; those who
//! change a word in another process wake threads. So one thread of each process
//! sleeps on the words that its tasks wait for. It is started when the first task
//! waits, and sleeps without an end while none does.
//!
//! # What it guarantees
//!
//! - Each change of a word that a task watches is noticed: the kernel compares the
//!   word with what the task saw when the thread goes to sleep on it.
//! - A word is only ever looked at by the kernel. The heap that it lies in may be gone;
//!   then the task is woken, and finds that out.
//! - Who wakes one sleeper of a word and meets this thread has woken a task that looks.
//!   Where nobody waits any more, the thread wakes the next sleeper instead.
//! - A forked child has none of its parent's tasks, and a thread of its own when it
//!   needs one.
//!
//! # Protocol
//!
//! [`Tasks`] are changed under a lock. The thread takes a list of the words, lets the
//! lock go, and sleeps on all of them and on a bell, whose number it read under the
//! lock. Whoever adds a word that is not on the list rings the bell.

mod nap;
mod spot;
mod tasks;

use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::Waker;
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anymem_core::thread::{Ending, Watch};
use nap::{Woken, nap};
pub(super) use spot::Spot;
use tasks::Tasks;

use super::{fork, futex};
use crate::sys::space::undisturbed;
use crate::thread::hooks::Hook;

static TASKS: Mutex<Tasks> = Mutex::new(Tasks::new());

/// Rung when the thread is to look at its tasks anew.
static BELL: AtomicUsize = AtomicUsize::new(0);

static FORGET: Hook = Hook::new(|| lock().forget());

/// Has `waker` called when `spot` has changed, and after `most` at the latest.
pub(super) fn watch(spot: Spot, most: Duration, waker: &Waker) -> Watch {
    fork::call_in_child(&FORGET);
    let until = now().saturating_add(most);
    let own = waker.clone();
    let _hold = fork::hold();
    let mut tasks = lock();
    if !attended(&mut tasks) {
        drop(tasks);
        waker.wake_by_ref();
        return Watch::over();
    }
    let (number, is_slept_on) = tasks.add(spot, until, own);
    drop(tasks);
    if !is_slept_on {
        BELL.fetch_add(1, Ordering::Relaxed);
        futex::wake(&BELL, 1);
    }
    Watch::new(number, end)
}

/// Ends a task's watch.
fn end(number: u64, ending: Ending) {
    let _hold = fork::hold();
    let ended = lock().remove(number);
    if let Some(ended) = ended
        && ending == Ending::Dropped
        && ended.waker.is_none()
    {
        ended.spot.wake_one();
    }
}

fn lock() -> MutexGuard<'static, Tasks> {
    TASKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time by the clock that naps end by.
fn now() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is writable, and every system has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Sees to it that there is a thread; whether there is.
fn attended(tasks: &mut Tasks) -> bool {
    if !tasks.is_attended {
        let thread = thread::Builder::new().name("anymem-watcher".into());
        // It has no part in the program's signals.
        tasks.is_attended = undisturbed(|| thread.spawn(attend)).is_ok();
    }
    tasks.is_attended
}

/// What the thread does.
fn attend() {
    let mut due = Vec::new();
    loop {
        let (rung, spots, until) = begin_nap(&mut due);
        call(&mut due);
        let woken = nap(&BELL, rung, &spots, until);
        end_nap(&spots, woken, &mut due);
        call(&mut due);
    }
}

/// Calls the wakers, with no lock held.
fn call(due: &mut Vec<Waker>) {
    for waker in due.drain(..) {
        // What goes wrong there is that task's affair, and none of the others'.
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}

/// What to sleep on: the bell's number, the spots, and until when.
fn begin_nap(due: &mut Vec<Waker>) -> (usize, Vec<Spot>, Option<Duration>) {
    let _hold = fork::hold();
    let mut tasks = lock();
    tasks.take_late(now(), due);
    let (spots, until) = tasks.begin_nap();
    // Under the lock: whoever adds something later rings later.
    (BELL.load(Ordering::Relaxed), spots, until)
}

/// Finds out who is to be woken.
fn end_nap(spots: &[Spot], woken: Woken, due: &mut Vec<Waker>) {
    let _hold = fork::hold();
    let mut tasks = lock();
    tasks.end_nap();
    for (index, spot) in spots.iter().enumerate() {
        let is_to_be_looked_at = woken.is_unsure_of(index) || !tasks.is_awaited(*spot);
        let has_changed = woken.is_at(index) || is_to_be_looked_at && spot.has_changed();
        if has_changed && !tasks.take_at(*spot, due) {
            spot.wake_one();
        }
    }
}
