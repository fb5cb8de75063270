//! The allocation context: through which heap slot a call goes.

use core::marker::PhantomData;

/// The hint that every allocator call takes (hermes-shm: `MemContext`).
///
/// [`Context::DEFAULT`] means "find mine": an allocator that knows the calling
/// thread's slot uses it, any other serves the call without one. A context from
/// [`Allocator::create_tls`](crate::allocator::Allocator::create_tls) names a
/// slot and saves the search. It cannot leave its thread, for one slot is one
/// thread's:
///
/// ```compile_fail
/// fn sendable<T: Send>() {}
/// sendable::<anymem_core::thread::Context>();
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// One more than the slot's number; 0 for none.
    slot: u32,
    _of_one_thread: PhantomData<*const ()>,
}

impl Context {
    /// No slot is named.
    pub const DEFAULT: Self = Self { slot: 0, _of_one_thread: PhantomData };

    /// Names a slot.
    ///
    /// # Safety
    ///
    /// The calling thread holds the slot, and uses the context with the
    /// allocator whose slot it is.
    #[must_use]
    pub const unsafe fn of_slot(slot: u32) -> Self {
        Self { slot: slot.wrapping_add(1), _of_one_thread: PhantomData }
    }

    /// The slot named, if one is.
    #[must_use]
    #[inline]
    pub const fn slot(self) -> Option<u32> {
        self.slot.checked_sub(1)
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::DEFAULT
    }
}
