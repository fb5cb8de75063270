//! A fixed number of values, in a memory that the processor can use.

use core::alloc::Layout;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::memory::{HostAddressable, MemoryError};

/// What a region's table is made of: its length never changes, and it frees itself.
pub(super) struct Array<T, H: HostAddressable> {
    memory: H,
    address: H::Address,
    layout: Layout,
    values: NonNull<T>,
    len: usize,
}

// SAFETY: it owns its values, and a memory may be used from any thread.
unsafe impl<T: Send, H: HostAddressable> Send for Array<T, H> {}
// SAFETY: shared, it gives shared references to its values alone.
unsafe impl<T: Sync, H: HostAddressable> Sync for Array<T, H> {}

impl<T, H: HostAddressable> Array<T, H> {
    /// As many as `values` has, which says so exactly.
    pub(super) fn new(
        values: impl ExactSizeIterator<Item = T>,
        memory: H,
    ) -> Result<Self, MemoryError> {
        let room = values.len();
        let layout = Layout::array::<T>(room)
            .map_err(|_| MemoryError::OutOfMemory { requested: usize::MAX })?;
        let address = memory.allocate(layout)?;
        let host = memory.host(address);
        let values_at = host.map_or(NonNull::dangling(), NonNull::cast);
        let mut array = Self { memory, address, layout, values: values_at, len: 0 };
        for value in values.take(room) {
            // SAFETY: the block has room for `room` values, by `HostAddressable`.
            unsafe { array.values.add(array.len).write(value) };
            array.len += 1;
        }
        Ok(array)
    }

    /// The values, to be changed.
    pub(super) fn as_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`, and it is borrowed for writing.
        unsafe { NonNull::slice_from_raw_parts(self.values, self.len).as_mut() }
    }
}

impl<T, H: HostAddressable> Deref for Array<T, H> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the block has `len` initialised values until it is freed by `drop`.
        unsafe { NonNull::slice_from_raw_parts(self.values, self.len).as_ref() }
    }
}

impl<T, H: HostAddressable> Drop for Array<T, H> {
    fn drop(&mut self) {
        // SAFETY: the values are initialised, and nobody uses them any more.
        unsafe { core::ptr::drop_in_place(self.as_mut()) };
        // SAFETY: allocated by `new` with this layout, and nothing borrows it any more.
        unsafe { self.memory.free(self.address, self.layout) };
    }
}
