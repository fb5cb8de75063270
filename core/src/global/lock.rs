//! Who may use the heap at once: the lock is a type parameter.
//!
//! Any [`lock_api::RawMutex`] will do. Its holder runs a few hundred instructions at most.
//!
//! | lock | for |
//! |---|---|
//! | [`Spin`] | several processors or threads; no interrupt handler allocates |
//! | `CriticalSection` (feature `critical-section`) | interrupt handlers that allocate |
//! | [`Unlocked`] in a [`OneThread`] | one thread, and no interrupt handler allocates |

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::ops::Deref;

use lock_api::{GuardNoSend, RawMutex};

/// Looks again and again until the lock is free.
///
/// An interrupt handler must not allocate with it: it would wait for what it interrupts.
pub type Spin = spin::Mutex<()>;

/// No lock at all, but a note whether the heap is in use; for one thread.
///
/// An allocator with it is not `Sync`, so it can be a global allocator as a [`OneThread`]
/// only.
#[derive(Debug, Default)]
pub struct Unlocked {
    held: Cell<bool>,
}

// SAFETY: it is not `Sync`, so all calls are of one thread, and `held` tells whether it
// has the lock.
unsafe impl RawMutex for Unlocked {
    #[allow(clippy::declare_interior_mutable_const)]
    const INIT: Self = Self { held: Cell::new(false) };
    type GuardMarker = GuardNoSend;

    #[inline]
    fn lock(&self) {
        while !self.try_lock() {
            core::hint::spin_loop();
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        !self.held.replace(true)
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.held.set(false);
    }
}

/// An allocator that only one thread uses, whatever its lock.
///
/// ```
/// use anymem_core::global::{ArenaAlloc, OneThread, Unlocked};
///
/// // SAFETY: nothing here starts a thread that allocates, nor an interrupt handler.
/// static HEAP: OneThread<ArenaAlloc<4096, Unlocked>> =
///     unsafe { OneThread::new(ArenaAlloc::new()) };
/// ```
#[derive(Debug)]
pub struct OneThread<A>(A);

// SAFETY: `new` was promised that no two threads use it at a time.
unsafe impl<A> Sync for OneThread<A> {}

impl<A> OneThread<A> {
    /// The allocator, for one thread.
    ///
    /// # Safety
    ///
    /// No two threads use it at the same time, and no interrupt handler uses it.
    pub const unsafe fn new(allocator: A) -> Self {
        Self(allocator)
    }
}

impl<A> Deref for OneThread<A> {
    type Target = A;

    #[inline]
    fn deref(&self) -> &A {
        &self.0
    }
}

// SAFETY: passed on to the allocator.
unsafe impl<A: GlobalAlloc> GlobalAlloc for OneThread<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on from the caller.
        unsafe { self.0.alloc(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.0.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on from the caller.
        unsafe { self.0.realloc(block, layout, new_size) }
    }
}
