//! Which pthread keys were made here.
//!
//! A pthread key is a small number; using one that does not exist is undefined
//! in POSIX. A bit for each number tells which ones do.

use core::sync::atomic::{AtomicU64, Ordering};

use anymem_core::thread::TlsKey;

/// More keys than any C library has.
const MOST: usize = 1024;

static MADE: [AtomicU64; MOST / 64] = [const { AtomicU64::new(0) }; MOST / 64];

/// Notes a key; false if its number is beyond all reason.
pub(crate) fn note(key: libc::pthread_key_t) -> bool {
    let key = key as usize;
    let Some(word) = MADE.get(key / 64) else { return false };
    word.fetch_or(1 << (key % 64), Ordering::Relaxed);
    true
}

/// The pthread key that `key` is, if it was made here.
pub(crate) fn known(key: TlsKey) -> Option<libc::pthread_key_t> {
    let word = MADE.get(key.0 / 64)?.load(Ordering::Relaxed);
    (word & 1 << (key.0 % 64) != 0).then_some(key.0 as libc::pthread_key_t)
}

/// Forgets a key; the one caller that gets it is the one to delete it.
pub(crate) fn forget(key: TlsKey) -> Option<libc::pthread_key_t> {
    let bit = 1 << (key.0 % 64);
    let before = MADE.get(key.0 / 64)?.fetch_and(!bit, Ordering::Relaxed);
    (before & bit != 0).then_some(key.0 as libc::pthread_key_t)
}
