//! Values of user-level threads, and of threads that are none.
//!
//! A key is a pair of keys: user-level threads have their values in Argobots, other
//! threads theirs in the C library.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use anymem_core::thread::{ThreadModel, TlsError, TlsKey};

use super::super::PthreadModel;
use super::library::{Abt, Destructor, Handle, NO_MEMORY, SUCCESS};

/// How many keys there can be.
const MOST: usize = 64;

/// The two keys that are one; vacant while the first is null.
struct Pair {
    of_ults: AtomicPtr<c_void>,
    of_threads: AtomicUsize,
}

static PAIRS: [Pair; MOST] =
    [const { Pair { of_ults: AtomicPtr::new(ptr::null_mut()), of_threads: AtomicUsize::new(0) } };
        MOST];

/// The keys that `key` stands for, if it was made here.
fn known(key: TlsKey) -> Option<(Handle, TlsKey)> {
    let pair = PAIRS.get(key.0)?;
    // Acquire: pairs with the Release in `enter`; publishes the key itself.
    let of_ults = pair.of_ults.load(Ordering::Acquire);
    (!of_ults.is_null()).then(|| (of_ults, TlsKey(pair.of_threads.load(Ordering::Relaxed))))
}

pub(super) fn create(abt: &Abt, on_exit: Destructor) -> Result<TlsKey, TlsError> {
    let of_threads = PthreadModel.create_tls(on_exit)?;
    let mut of_ults = ptr::null_mut();
    // SAFETY: the handle is writable; the function is called as the caller agreed to.
    if unsafe { (abt.key_create)(on_exit, &raw mut of_ults) } != SUCCESS {
        let _ = PthreadModel.destroy_tls(of_threads);
        return Err(TlsError::NoMemory);
    }
    enter(of_ults, of_threads).ok_or_else(|| {
        free(abt, of_ults, of_threads);
        TlsError::NoKeyLeft
    })
}

fn enter(of_ults: Handle, of_threads: TlsKey) -> Option<TlsKey> {
    let vacant = |pair: &Pair| {
        let (old, new) = (ptr::null_mut(), of_ults);
        // Release: pairs with the Acquire in `known`.
        pair.of_ults.compare_exchange(old, new, Ordering::Release, Ordering::Relaxed).is_ok()
    };
    let place = PAIRS.iter().position(vacant)?;
    // Nobody else has the key's number before this returns.
    PAIRS[place].of_threads.store(of_threads.0, Ordering::Relaxed);
    Some(TlsKey(place))
}

pub(super) fn destroy(abt: &Abt, key: TlsKey) -> Result<(), TlsError> {
    let (_, of_threads) = known(key).ok_or(TlsError::UnknownKey)?;
    // The one caller that gets it is the one to free it.
    let of_ults = PAIRS[key.0].of_ults.swap(ptr::null_mut(), Ordering::Acquire);
    if of_ults.is_null() {
        return Err(TlsError::UnknownKey);
    }
    free(abt, of_ults, of_threads);
    Ok(())
}

fn free(abt: &Abt, mut of_ults: Handle, of_threads: TlsKey) {
    // SAFETY: the key was made by this library and is freed once.
    unsafe { (abt.key_free)(&raw mut of_ults) };
    let _ = PthreadModel.destroy_tls(of_threads);
}

pub(super) fn get(abt: &Abt, key: TlsKey) -> *mut c_void {
    let Some((of_ults, of_threads)) = known(key) else { return ptr::null_mut() };
    let mut value = ptr::null_mut();
    // SAFETY: the key was made by this library and not freed; `value` is writable.
    match unsafe { (abt.key_get)(of_ults, &raw mut value) } {
        SUCCESS => value,
        _ => PthreadModel.get_tls(of_threads),
    }
}

pub(super) fn set(abt: &Abt, key: TlsKey, value: *mut c_void) -> Result<(), TlsError> {
    let (of_ults, of_threads) = known(key).ok_or(TlsError::UnknownKey)?;
    // SAFETY: the key was made by this library and not freed; the value is kept, not
    // followed.
    match unsafe { (abt.key_set)(of_ults, value) } {
        SUCCESS => Ok(()),
        NO_MEMORY => Err(TlsError::NoMemory),
        _ => PthreadModel.set_tls(of_threads, value),
    }
}
