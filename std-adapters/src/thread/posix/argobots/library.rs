//! The functions of Argobots, as its shared library has them.
//!
//! Names and types are those of Argobots' `abt.h`, unchanged from version 1.0 on.

use core::ffi::{c_int, c_void};
use std::sync::OnceLock;

use libloading::os::unix::Library;

use super::ArgobotsError;

/// What the library is called, the most recent first.
const FILES: [&str; 3] = ["libabt.so.1", "libabt.so.0", "libabt.so"];

/// `ABT_SUCCESS`.
pub(super) const SUCCESS: c_int = 0;

/// `ABT_ERR_MEM`.
pub(super) const NO_MEMORY: c_int = 2;

/// `ABT_key`, `ABT_eventual`.
pub(super) type Handle = *mut c_void;

/// What is called with a value when its user-level thread goes.
pub(super) type Destructor = Option<unsafe extern "C" fn(*mut c_void)>;

/// The functions, which stay valid for as long as the process: the library is never
/// unloaded.
pub(super) struct Abt {
    pub(super) initialized: unsafe extern "C" fn() -> c_int,
    pub(super) thread_self_id: unsafe extern "C" fn(*mut u64) -> c_int,
    pub(super) xstream_self_rank: unsafe extern "C" fn(*mut c_int) -> c_int,
    pub(super) thread_yield: unsafe extern "C" fn() -> c_int,
    pub(super) key_create: unsafe extern "C" fn(Destructor, *mut Handle) -> c_int,
    pub(super) key_free: unsafe extern "C" fn(*mut Handle) -> c_int,
    pub(super) key_get: unsafe extern "C" fn(Handle, *mut *mut c_void) -> c_int,
    pub(super) key_set: unsafe extern "C" fn(Handle, *mut c_void) -> c_int,
    pub(super) eventual_create: unsafe extern "C" fn(c_int, *mut Handle) -> c_int,
    pub(super) eventual_free: unsafe extern "C" fn(*mut Handle) -> c_int,
    pub(super) eventual_wait: unsafe extern "C" fn(Handle, *mut *mut c_void) -> c_int,
    pub(super) eventual_set: unsafe extern "C" fn(Handle, *mut c_void, c_int) -> c_int,
}

static ABT: OnceLock<Result<Abt, String>> = OnceLock::new();

impl Abt {
    /// The library, found at the first call.
    ///
    /// # Errors
    ///
    /// [`ArgobotsError::Library`] if it is not there, or lacks a function.
    pub(super) fn get() -> Result<&'static Self, ArgobotsError> {
        let found = ABT.get_or_init(|| Self::find().map_err(|error| error.to_string()));
        found.as_ref().map_err(|why| ArgobotsError::Library { why: why.clone() })
    }

    /// The program's own, which is already running; else the one that would be loaded
    /// for it.
    fn find() -> Result<Self, libloading::Error> {
        Self::of(Library::this()).or_else(|_| {
            // SAFETY: what the library does when it is loaded is to set up its own state.
            let load = |file| unsafe { Library::new(file) };
            let first = load(FILES[0]);
            Self::of(FILES[1..].iter().fold(first, |found, file| found.or_else(|_| load(file)))?)
        })
    }

    fn of(library: Library) -> Result<Self, libloading::Error> {
        // It is needed as long as any thread runs.
        let library: &'static Library = Box::leak(Box::new(library));
        // SAFETY: the types are those that `abt.h` declares for these names.
        unsafe {
            Ok(Self {
                initialized: *library.get(b"ABT_initialized\0")?,
                thread_self_id: *library.get(b"ABT_thread_self_id\0")?,
                xstream_self_rank: *library.get(b"ABT_xstream_self_rank\0")?,
                thread_yield: *library.get(b"ABT_thread_yield\0")?,
                key_create: *library.get(b"ABT_key_create\0")?,
                key_free: *library.get(b"ABT_key_free\0")?,
                key_get: *library.get(b"ABT_key_get\0")?,
                key_set: *library.get(b"ABT_key_set\0")?,
                eventual_create: *library.get(b"ABT_eventual_create\0")?,
                eventual_free: *library.get(b"ABT_eventual_free\0")?,
                eventual_wait: *library.get(b"ABT_eventual_wait\0")?,
                eventual_set: *library.get(b"ABT_eventual_set\0")?,
            })
        }
    }

    /// Whether Argobots runs: whether `ABT_init` was called, and `ABT_finalize` not yet.
    pub(super) fn is_running(&self) -> bool {
        // SAFETY: may be called at any time.
        unsafe { (self.initialized)() == SUCCESS }
    }

    /// The number of the calling user-level thread; `None` if the caller is none.
    pub(super) fn own_id(&self) -> Option<u64> {
        let mut id = 0;
        // SAFETY: `id` is writable.
        (unsafe { (self.thread_self_id)(&raw mut id) } == SUCCESS).then_some(id)
    }

    /// The number of the execution stream that the caller runs on, if it is one.
    pub(super) fn own_rank(&self) -> Option<usize> {
        let mut rank = 0;
        // SAFETY: `rank` is writable.
        let code = unsafe { (self.xstream_self_rank)(&raw mut rank) };
        (code == SUCCESS).then_some(rank as usize)
    }

    /// Lets other user-level threads run; whether the caller is one.
    pub(super) fn yield_now(&self) -> bool {
        // SAFETY: takes nothing; the caller may go on on another of the system's threads.
        unsafe { (self.thread_yield)() == SUCCESS }
    }
}
