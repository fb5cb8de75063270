//! What the boot processor sets up while it is alone.

use core::cell::UnsafeCell;

/// A value that the boot processor changes while it is alone, and that is only read from
/// then on.
#[derive(Debug)]
pub struct Early<T>(UnsafeCell<T>);

// SAFETY: it is changed as long as there is one processor, without interrupts (contract of
// `change`).
unsafe impl<T> Sync for Early<T> {}

impl<T> Early<T> {
    /// The value at first.
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// The value, to change it.
    ///
    /// # Safety
    ///
    /// No other processor was started yet, interrupts are off, and the value is not used
    /// otherwise as long as the reference is.
    #[expect(clippy::mut_from_ref, reason = "the caller vouches that there is no other")]
    pub unsafe fn change(&self) -> &mut T {
        // SAFETY: nobody else has a reference, by the caller's word.
        unsafe { &mut *self.0.get() }
    }

    /// The value.
    pub fn get(&self) -> &T {
        // SAFETY: nobody changes it (contract of `change`).
        unsafe { &*self.0.get() }
    }
}
