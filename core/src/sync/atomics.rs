//! The atomic integers that protocols are built on, as a trait.
//!
//! [`Native`] is what users run. Model checkers supply their own integers and
//! instantiate the same protocols with them, without a `cfg`.

use core::fmt::Debug;

use super::atomic::{AtomicU32, AtomicUsize, Ordering};

/// One atomic integer.
///
/// The operations and orderings mean what they mean in
/// [`core::sync::atomic`].
pub trait AtomicInt: Send + Sync {
    /// The plain integer that is stored.
    type Int: Copy + Eq + Debug;

    /// Loads the value.
    fn load(&self, order: Ordering) -> Self::Int;

    /// Stores `value`.
    fn store(&self, value: Self::Int, order: Ordering);

    /// Stores `value` and returns what was there.
    fn swap(&self, value: Self::Int, order: Ordering) -> Self::Int;

    /// Stores `new` if the value is `current`.
    ///
    /// # Errors
    ///
    /// The value found, if it was another.
    fn compare_exchange(
        &self,
        current: Self::Int,
        new: Self::Int,
        success: Ordering,
        failure: Ordering,
    ) -> Result<Self::Int, Self::Int>;

    /// Adds `value`, wrapping, and returns what was there.
    fn fetch_add(&self, value: Self::Int, order: Ordering) -> Self::Int;

    /// Sets the bits of `mask` and returns what was there.
    fn fetch_or(&self, mask: Self::Int, order: Ordering) -> Self::Int;

    /// Keeps only the bits of `mask` and returns what was there.
    fn fetch_and(&self, mask: Self::Int, order: Ordering) -> Self::Int;
}

/// A family of atomic integers: the machine's own, or a model checker's.
pub trait Atomics: 'static {
    /// As wide as a pointer: offsets, owner words, bitmap words.
    type Word: AtomicInt<Int = usize>;

    /// 32 bits: magazine entries and counts.
    type U32: AtomicInt<Int = u32>;

    /// Tells the processor (or the model checker) that this is a spin loop.
    fn spin_hint();

    /// Orders accesses before and after it, as [`core::sync::atomic::fence`] does.
    fn fence(order: Ordering);
}

/// The machine's own atomics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Native;

impl Atomics for Native {
    type Word = AtomicUsize;
    type U32 = AtomicU32;

    #[inline]
    fn spin_hint() {
        core::hint::spin_loop();
    }

    #[inline]
    fn fence(order: Ordering) {
        core::sync::atomic::fence(order);
    }
}

macro_rules! native_atomic {
    ($atomic:ty, $int:ty) => {
        impl AtomicInt for $atomic {
            type Int = $int;

            #[inline]
            fn load(&self, order: Ordering) -> $int {
                self.load(order)
            }

            #[inline]
            fn store(&self, value: $int, order: Ordering) {
                self.store(value, order);
            }

            #[inline]
            fn swap(&self, value: $int, order: Ordering) -> $int {
                self.swap(value, order)
            }

            #[inline]
            fn compare_exchange(
                &self,
                current: $int,
                new: $int,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$int, $int> {
                self.compare_exchange(current, new, success, failure)
            }

            #[inline]
            fn fetch_add(&self, value: $int, order: Ordering) -> $int {
                self.fetch_add(value, order)
            }

            #[inline]
            fn fetch_or(&self, mask: $int, order: Ordering) -> $int {
                self.fetch_or(mask, order)
            }

            #[inline]
            fn fetch_and(&self, mask: $int, order: Ordering) -> $int {
                self.fetch_and(mask, order)
            }
        }
    };
}

native_atomic!(AtomicUsize, usize);
native_atomic!(AtomicU32, u32);
