//! Thread-local values where no system keeps them.

use core::ffi::c_void;
use core::ptr;

use super::{TlsError, TlsKey};
use crate::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

/// How many keys there can be.
pub(super) const KEYS: usize = 8;

/// One thread's values, in a cache line of their own on 64-bit machines.
#[repr(align(64))]
struct Row([AtomicPtr<c_void>; KEYS]);

/// The values of a fixed number of threads, each null until it is set.
///
/// A thread is named by its number. Nothing keeps two callers from giving the same one:
/// they have the same values then.
pub(super) struct Values<const THREADS: usize> {
    /// A bit for each key that was made.
    made: AtomicUsize,
    rows: [Row; THREADS],
}

impl<const THREADS: usize> Values<THREADS> {
    pub(super) const fn new() -> Self {
        let rows = [const { Row([const { AtomicPtr::new(ptr::null_mut()) }; KEYS]) }; THREADS];
        Self { made: AtomicUsize::new(0), rows }
    }

    pub(super) fn create(&self) -> Result<TlsKey, TlsError> {
        let key =
            (0..KEYS).find(|key| self.made.fetch_or(1 << key, Ordering::Relaxed) & 1 << key == 0);
        let key = key.ok_or(TlsError::NoKeyLeft)?;
        for Row(values) in &self.rows {
            values[key].store(ptr::null_mut(), Ordering::Relaxed);
        }
        Ok(TlsKey(key))
    }

    pub(super) fn destroy(&self, key: TlsKey) -> Result<(), TlsError> {
        if !self.has(key) {
            return Err(TlsError::UnknownKey);
        }
        self.made.fetch_and(!(1 << key.0), Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn get(&self, thread: usize, key: TlsKey) -> *mut c_void {
        match self.rows.get(thread) {
            // Acquire: pairs with the Release in `set`, for a processor that goes on with
            // what another began.
            Some(Row(values)) if self.has(key) => values[key.0].load(Ordering::Acquire),
            _ => ptr::null_mut(),
        }
    }

    pub(super) fn set(
        &self,
        thread: usize,
        key: TlsKey,
        value: *mut c_void,
    ) -> Result<(), TlsError> {
        if !self.has(key) {
            return Err(TlsError::UnknownKey);
        }
        let Row(values) = self.rows.get(thread).ok_or(TlsError::NoMemory)?;
        // Release: pairs with the Acquire in `get`.
        values[key.0].store(value, Ordering::Release);
        Ok(())
    }

    fn has(&self, key: TlsKey) -> bool {
        key.0 < KEYS && self.made.load(Ordering::Relaxed) & 1 << key.0 != 0
    }
}
