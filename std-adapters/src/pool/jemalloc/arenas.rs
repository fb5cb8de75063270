//! The arenas of a pool, made as threads need them.

use core::ffi::{CStr, c_int, c_uint};
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::ffi::CString;
use std::sync::Arc;

use tikv_jemalloc_sys::{extent_hooks_t, mallctl};

use super::hooks::Hooks;
use crate::pool::tally;
use crate::thread::fork;

/// The arenas of a pool.
///
/// They are made without a lock: of two threads that make the same at once, one destroys
/// what it has made.
pub(super) struct Arenas {
    hooks: Arc<Hooks>,
    /// One more than the arena's number; 0 for those that nobody has needed yet.
    numbers: Box<[AtomicUsize]>,
}

impl Arenas {
    /// The first of up to `most` arenas.
    ///
    /// # Errors
    ///
    /// jemalloc's error number: there is no memory, or the process has as many arenas as it
    /// can.
    pub(super) fn new(hooks: Arc<Hooks>, most: usize) -> Result<Self, c_int> {
        let _hold = fork::hold();
        let numbers = (0..most.max(1)).map(|_| AtomicUsize::new(0)).collect();
        let arenas = Self { hooks, numbers };
        arenas.make(&arenas.numbers[0])?;
        Ok(arenas)
    }

    pub(super) fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    /// The arena that the calling thread allocates from.
    pub(super) fn mine(&self) -> c_uint {
        let place = &self.numbers[tally::thread_number() % self.numbers.len()];
        // Acquire: pairs with the Release in `make`.
        let number = match place.load(Ordering::Acquire) {
            // Where there can be no more, the first one is shared.
            0 => self.make(place).unwrap_or_else(|_| self.numbers[0].load(Ordering::Acquire)),
            number => number,
        };
        (number - 1) as c_uint
    }

    /// The arena of a place; one more than its number.
    fn make(&self, place: &AtomicUsize) -> Result<usize, c_int> {
        let made = create(self.hooks.as_table())? as usize + 1;
        // Release: pairs with the Acquire in `mine`; Acquire: with the Release of whoever
        // was faster.
        match place.compare_exchange(0, made, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(made),
            Err(other) => {
                run(made, "destroy");
                Ok(other)
            }
        }
    }

    /// Has every arena give back what no block is in.
    pub(super) fn purge(&self) {
        self.each(|number| run(number, "purge"));
    }

    fn each(&self, mut call: impl FnMut(usize)) {
        let numbers = self.numbers.iter().map(|place| place.load(Ordering::Acquire));
        numbers.filter(|number| *number != 0).for_each(&mut call);
    }
}

impl Drop for Arenas {
    /// All extents go back, whatever is in them.
    fn drop(&mut self) {
        let _hold = fork::hold();
        self.each(|number| run(number, "destroy"));
    }
}

fn create(hooks: *mut extent_hooks_t) -> Result<c_uint, c_int> {
    let (mut number, mut len, mut hooks) = (0 as c_uint, size_of::<c_uint>(), hooks);
    // SAFETY: the name is one of jemalloc's, for which it writes a number and reads a
    // pointer; the table lives as long as the arenas (`Arenas::hooks`).
    let result = unsafe {
        mallctl(
            c"arenas.create".as_ptr(),
            (&raw mut number).cast(),
            &raw mut len,
            (&raw mut hooks).cast(),
            size_of::<*mut extent_hooks_t>(),
        )
    };
    if result == 0 { Ok(number) } else { Err(result) }
}

/// Runs what jemalloc can do with an arena.
fn run(number: usize, what: &str) {
    let name = CString::new(format!("arena.{}.{what}", number - 1)).unwrap_or_default();
    let name: &CStr = &name;
    // SAFETY: the name is one of jemalloc's, which takes and gives nothing; nobody uses the
    // arena any more where it is destroyed.
    unsafe { mallctl(name.as_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), 0) };
}
