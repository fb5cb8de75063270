//! oneTBB's pools of raw memory, as its shared library has them.
//!
//! The names are those of C++ functions of the namespace `rml`, declared in oneTBB's
//! `scalable_allocator.h`, which have had the same binary interface since 2011.

use core::ffi::{c_int, c_uint, c_void};
use std::sync::OnceLock;

use libloading::Library;

use crate::pool::PoolError;

/// What the library is called.
const FILE: &str = "libtbbmalloc.so.2";

const HINT: &str = "install oneTBB's allocator (Debian and Ubuntu: libtbbmalloc2; Fedora: \
                    tbb), or use another pool";

/// `rml::MemoryPool`.
pub(super) type RmlPool = c_void;

/// `rml::rawAllocType`: gives memory, and writes how much it is.
pub(super) type RawAlloc = unsafe extern "C" fn(isize, *mut usize) -> *mut c_void;

/// `rml::rawFreeType`: takes memory back; 0 if that went well.
pub(super) type RawFree = unsafe extern "C" fn(isize, *mut c_void, usize) -> c_int;

/// `rml::MemPoolPolicy`.
#[repr(C)]
pub(super) struct Policy {
    pub(super) alloc: RawAlloc,
    pub(super) free: RawFree,
    /// Bytes that requests are multiples of.
    pub(super) granularity: usize,
    pub(super) version: c_int,
    /// Bit 0: all memory is there at the start; bit 1: nothing is given back before the
    /// pool is destroyed.
    pub(super) flags: c_uint,
}

/// The version of [`Policy`].
pub(super) const VERSION: c_int = 1;

/// Bit of [`Policy::flags`].
pub(super) const KEEP_ALL: c_uint = 2;

/// The functions, which stay valid for as long as the process: the library is never
/// unloaded, for threads that end call into it.
pub(super) struct Rml {
    pub(super) create: unsafe extern "C" fn(isize, *const Policy, *mut *mut RmlPool) -> c_int,
    pub(super) destroy: unsafe extern "C" fn(*mut RmlPool) -> bool,
    pub(super) malloc: unsafe extern "C" fn(*mut RmlPool, usize) -> *mut c_void,
    pub(super) aligned_malloc: unsafe extern "C" fn(*mut RmlPool, usize, usize) -> *mut c_void,
    pub(super) realloc: unsafe extern "C" fn(*mut RmlPool, *mut c_void, usize) -> *mut c_void,
    pub(super) free: unsafe extern "C" fn(*mut RmlPool, *mut c_void) -> bool,
    pub(super) msize: unsafe extern "C" fn(*mut RmlPool, *mut c_void) -> usize,
}

static RML: OnceLock<Result<Rml, String>> = OnceLock::new();

impl Rml {
    /// The library, loaded at the first call.
    ///
    /// # Errors
    ///
    /// [`PoolError::Library`] if it is not there, or lacks a function.
    pub(super) fn get() -> Result<&'static Self, PoolError> {
        let loaded = RML.get_or_init(|| Self::load().map_err(|error| error.to_string()));
        let failed =
            |why: &String| PoolError::Library { library: FILE, why: why.clone(), hint: HINT };
        loaded.as_ref().map_err(failed)
    }

    fn load() -> Result<Self, libloading::Error> {
        // SAFETY: what the library does when it is loaded is to set up its own state.
        let library = unsafe { Library::new(FILE) }?;
        // It is needed as long as any thread runs.
        let library: &'static Library = Box::leak(Box::new(library));
        // SAFETY: the types are those that the library's header declares for these names.
        unsafe {
            Ok(Self {
                create: *library
                    .get(b"_ZN3rml14pool_create_v1ElPKNS_13MemPoolPolicyEPPNS_10MemoryPoolE\0")?,
                destroy: *library.get(b"_ZN3rml12pool_destroyEPNS_10MemoryPoolE\0")?,
                malloc: *library.get(b"_ZN3rml11pool_mallocEPNS_10MemoryPoolEm\0")?,
                aligned_malloc: *library
                    .get(b"_ZN3rml19pool_aligned_mallocEPNS_10MemoryPoolEmm\0")?,
                realloc: *library.get(b"_ZN3rml12pool_reallocEPNS_10MemoryPoolEPvm\0")?,
                free: *library.get(b"_ZN3rml9pool_freeEPNS_10MemoryPoolEPv\0")?,
                msize: *library.get(b"_ZN3rml10pool_msizeEPNS_10MemoryPoolEPv\0")?,
            })
        }
    }
}
