//! What must happen when a thread ends, or the process with it.
//!
//! Whoever keeps something for a thread that others can use adds a line to
//! [`at_exit`]. It is called by a pthread key's destructor, which runs after
//! Rust's own thread-local destructors, and for the thread that ends the
//! process. What still allocates after that is heard of anew.

use core::ffi::c_void;
use core::ptr;
use std::sync::OnceLock;

use anymem_core::thread::{ThreadModel, TlsKey};

use super::{PthreadModel, fork};
use crate::attached::slots;
use crate::shm_alloc;

extern "C" fn at_exit(_: *mut c_void) {
    slots::release_all();
    shm_alloc::release();
}

extern "C" fn at_process_exit() {
    at_exit(ptr::null_mut());
}

/// Sees to it that the end of the calling thread is heard of.
///
/// False where that can't be had: then the thread must not claim anything.
pub(crate) fn hear() -> bool {
    static KEY: OnceLock<Option<TlsKey>> = OnceLock::new();
    let _hold = fork::hold();
    let key = *KEY.get_or_init(|| {
        // SAFETY: the function lives for ever. Without memory for it the
        // exiting thread's slots wait for recovery.
        let _ = unsafe { libc::atexit(at_process_exit) };
        PthreadModel.create_tls(Some(at_exit)).ok()
    });
    let Some(key) = key else { return false };
    // Any value but null makes the destructor run.
    let marker = ptr::NonNull::<c_void>::dangling().as_ptr();
    !PthreadModel.get_tls(key).is_null() || PthreadModel.set_tls(key, marker).is_ok()
}
