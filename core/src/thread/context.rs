//! The allocation context: through which heap slot a call goes.

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
    /// Base address of the heap the slot is in. A pointer also keeps the
    /// context in its thread.
    heap: *const u8,
}

impl Context {
    /// No slot is named.
    pub const DEFAULT: Self = Self { slot: 0, heap: core::ptr::null() };

    /// Names a slot of the heap whose first byte is at `heap`.
    ///
    /// # Safety
    ///
    /// The calling thread holds the slot for as long as the context is used.
    #[must_use]
    pub const unsafe fn of_slot(heap: *const u8, slot: u32) -> Self {
        Self { slot: slot.wrapping_add(1), heap }
    }

    /// Whether a slot is named.
    #[must_use]
    #[inline]
    pub const fn names_slot(self) -> bool {
        self.slot != 0
    }

    /// The slot named, if it is one of the heap whose first byte is at `heap`.
    #[must_use]
    #[inline]
    pub fn slot_of(self, heap: *const u8) -> Option<u32> {
        if core::ptr::addr_eq(self.heap, heap) { self.slot.checked_sub(1) } else { None }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::DEFAULT
    }
}
