//! What must happen when a thread ends, or the process with it.
//!
//! Whoever keeps something for a thread that others can use has its end
//! [heard of](hear). Hooks are called by what a thread-local value of the [`SystemModel`]
//! has for its thread's end, and for the thread that ends the process. A pthread key's
//! destructor runs after Rust's own thread-local destructors, and what still allocates
//! after that is heard of anew. On Windows it is before them, and once for all.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;

use anymem_core::thread::{ThreadModel, TlsKey};

use super::hooks::{Hook, Hooks};
use super::{SystemModel, fork, is_torn_down};

static HOOKS: Hooks = Hooks::new();

static EXITING: AtomicBool = AtomicBool::new(false);

/// Whether it is the process that ends.
pub(crate) fn is_of_process() -> bool {
    EXITING.load(Ordering::Relaxed)
}

extern "C" fn at_exit(_: *mut c_void) {
    HOOKS.call();
}

extern "C" fn at_process_exit() {
    EXITING.store(true, Ordering::Relaxed);
    if !is_torn_down() {
        at_exit(ptr::null_mut());
    }
}

/// Sees to it that `hook` is called when the calling thread ends, as are all
/// hooks that any thread named.
///
/// False where that can't be had: then the thread must not claim anything.
pub(crate) fn hear(hook: &'static Hook) -> bool {
    static KEY: OnceLock<Option<TlsKey>> = OnceLock::new();
    let _hold = fork::hold();
    HOOKS.add(hook);
    let key = *KEY.get_or_init(|| {
        // SAFETY: the function lives for ever. Without memory for it the
        // exiting thread's slots wait for recovery.
        let _ = unsafe { libc::atexit(at_process_exit) };
        SystemModel.create_tls(Some(at_exit)).ok()
    });
    let Some(key) = key else { return false };
    // Any value but null makes the destructor run.
    let marker = ptr::NonNull::<c_void>::dangling().as_ptr();
    !SystemModel.get_tls(key).is_null() || SystemModel.set_tls(key, marker).is_ok()
}
