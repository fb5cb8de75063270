//! A lock that no interrupt handler can find held.

use core::cell::Cell;

use critical_section::RestoreState;
use lock_api::{GuardNoSend, RawMutex};

/// Holds off interrupts (and other processors) while the heap is in use, by the
/// implementation of the `critical-section` crate that the program links.
pub struct CriticalSection {
    held: Cell<bool>,
    restore: Cell<RestoreState>,
}

impl core::fmt::Debug for CriticalSection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("CriticalSection")
    }
}

// SAFETY: both cells are used within a critical section only, of which the whole system has
// one at a time.
unsafe impl Sync for CriticalSection {}
// SAFETY: as above.
unsafe impl Send for CriticalSection {}

// SAFETY: who holds the lock is in a critical section, so nobody else runs who could take
// it; `held` tells the holder itself.
unsafe impl RawMutex for CriticalSection {
    #[allow(clippy::declare_interior_mutable_const)]
    const INIT: Self = Self { held: Cell::new(false), restore: Cell::new(RestoreState::invalid()) };
    type GuardMarker = GuardNoSend;

    #[inline]
    fn lock(&self) {
        while !self.try_lock() {
            core::hint::spin_loop();
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        // SAFETY: released below, or by `unlock`, in the reverse order of nested ones.
        let restore = unsafe { critical_section::acquire() };
        let taken = !self.held.replace(true);
        if taken {
            self.restore.set(restore);
        } else {
            // SAFETY: acquired above.
            unsafe { critical_section::release(restore) };
        }
        taken
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.held.set(false);
        // SAFETY: acquired when the lock was taken.
        unsafe { critical_section::release(self.restore.get()) };
    }
}
