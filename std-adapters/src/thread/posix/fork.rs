//! What must happen when a process forks.
//!
//! The child is one thread with a copy of everything. Two things need care:
//!
//! - A lock that another thread holds at that moment stays locked in the child
//!   for ever. So code that takes locks of this crate first [holds forks
//!   up](hold), and forking waits until nobody does.
//! - What names the parent (its process id, the heap slots of its threads) must
//!   be forgotten in the child. Whoever caches such a thing has that [called in
//!   the child](call_in_child) first.
//!
//! Holding forks up is for what ends soon, whatever others do. Who must wait for more than that
//! has it [done before a fork](call_around).
//!
//! # Protocol
//!
//! `STATE` counts the holds, or is `FORKING`. Holding goes n → n + 1 unless
//! forking; forking goes 0 → `FORKING` → 0. A thread that holds may hold again
//! while another waits to fork, so holds may nest.
//!
//! Until the first of these calls has returned, nothing holds a fork up. So none of them waits
//! for one that another thread is at, which a child forked just then would do for ever: several
//! may install the handlers, of which each fork runs the first.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::thread::hooks::{Hook, Hooks};

const FORKING: u32 = u32::MAX;

static STATE: AtomicU32 = AtomicU32::new(0);

static BEFORE: Hooks = Hooks::new();
static IN_PARENT: Hooks = Hooks::new();
static IN_CHILD: Hooks = Hooks::new();

thread_local! {
    /// Whether this thread is in the middle of forking: other libraries' fork
    /// handlers may call us then, and must not wait for ourselves.
    static FORKING_HERE: Cell<bool> = const { Cell::new(false) };
}

/// Forks wait for as long as this lives.
#[derive(Debug)]
pub(crate) struct Hold {
    counted: bool,
}

/// Holds forks up.
pub(crate) fn hold() -> Hold {
    install();
    if FORKING_HERE.get() {
        return Hold { counted: false };
    }
    change(|state| state.checked_add(1).filter(|count| *count != FORKING));
    Hold { counted: true }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.counted {
            // Release: pairs with the Acquire in `change`.
            STATE.fetch_sub(1, Ordering::Release);
        }
    }
}

/// Has `hook` called in forked children, while forks are still held up.
///
/// To be called before anything is cached that a forked child must forget.
pub(crate) fn call_in_child(hook: &'static Hook) {
    install();
    IN_CHILD.add(hook);
}

/// Has `before` called by threads that fork, while forks can still be held up, and `after` by
/// the same thread of the parent when that is over. A fork that is under way now may only have
/// `after` called.
pub(crate) fn call_around(before: &'static Hook, after: &'static Hook) {
    install();
    BEFORE.add(before);
    IN_PARENT.add(after);
}

fn install() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    // Relaxed: it was this process that installed them, or one that it is a copy of.
    if !INSTALLED.load(Ordering::Relaxed) {
        register();
        INSTALLED.store(true, Ordering::Relaxed);
    }
}

fn register() {
    // SAFETY: the handlers are functions that live for ever. A failure
    // means no memory; forks then go on as if this crate were not there.
    let _ = unsafe { libc::pthread_atfork(Some(prepare), Some(in_parent), Some(in_child)) };
}

extern "C" fn prepare() {
    if FORKING_HERE.get() {
        return;
    }
    BEFORE.call();
    change(|state| (state == 0).then_some(FORKING));
    FORKING_HERE.set(true);
}

extern "C" fn in_parent() {
    if FORKING_HERE.get() {
        let_hold();
        IN_PARENT.call();
    }
}

extern "C" fn in_child() {
    if FORKING_HERE.get() {
        IN_CHILD.call();
        let_hold();
    }
}

fn let_hold() {
    FORKING_HERE.set(false);
    // Release: pairs with the Acquire in `change`.
    STATE.store(0, Ordering::Release);
}

/// Changes the state once it can be changed.
fn change(to: impl Fn(u32) -> Option<u32>) {
    // Acquire: pairs with the Release in `drop` and `let_hold`.
    while STATE.fetch_update(Ordering::Acquire, Ordering::Relaxed, &to).is_err() {
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static CALLED: AtomicU32 = AtomicU32::new(0);
    static COUNT: Hook = Hook::new(|| {
        CALLED.fetch_add(1, Ordering::Relaxed);
    });

    /// As after threads that were the first to need the handlers at the same time.
    #[test]
    fn handlers_that_are_installed_more_than_once_run_once() {
        (0..3).for_each(|_| register());
        call_around(&COUNT, &COUNT);
        call_in_child(&COUNT);
        // SAFETY: the child only calls what is made for forked children, and ends.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            drop(hold());
            let called = CALLED.load(Ordering::Relaxed).cast_signed();
            // SAFETY: it ends the process, at once.
            unsafe { libc::_exit(called) };
        }
        let mut status = 0;
        // SAFETY: `status` is a variable of this function.
        assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
        assert!(libc::WIFEXITED(status), "{status:#x}");
        assert_eq!(libc::WEXITSTATUS(status), 2, "before the fork, and in the child");
        assert_eq!(CALLED.load(Ordering::Relaxed), 2, "before the fork, and in the parent");
        drop(hold());
    }
}
