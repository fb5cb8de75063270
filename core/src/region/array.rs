//! A fixed number of values, in a memory that the processor can use.

use core::alloc::Layout;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::memory::{Block, HostAddressable, MemoryError};

/// Values whose number never changes.
pub(super) struct Array<T, H: HostAddressable> {
    values: NonNull<T>,
    len: usize,
    _block: Block<H>,
}

// SAFETY: it owns its values, and a memory may be used from any thread.
unsafe impl<T: Send, H: HostAddressable> Send for Array<T, H> {}
// SAFETY: shared, it gives shared references to its values alone.
unsafe impl<T: Sync, H: HostAddressable> Sync for Array<T, H> {}

impl<T, H: HostAddressable> Array<T, H> {
    /// As many as `values` says that it has, if there is no error among them.
    pub(super) fn new<E: From<MemoryError>>(
        values: impl ExactSizeIterator<Item = Result<T, E>>,
        memory: H,
    ) -> Result<Self, E> {
        let room = values.len();
        let layout = Layout::array::<T>(room)
            .map_err(|_| MemoryError::OutOfMemory { requested: usize::MAX })?;
        let block = Block::allocate(memory, layout)?;
        let start = block.memory().host(block.address()).ok_or(MemoryError::Unsupported)?;
        let mut array = Self { values: start.cast(), len: 0, _block: block };
        for value in values.take(room) {
            let value = value?;
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
        // SAFETY: the block has `len` initialised values until it is freed, after `drop`.
        unsafe { NonNull::slice_from_raw_parts(self.values, self.len).as_ref() }
    }
}

impl<T, H: HostAddressable> Drop for Array<T, H> {
    fn drop(&mut self) {
        // SAFETY: the values are initialised, and nobody uses them any more.
        unsafe { core::ptr::drop_in_place(self.as_mut()) };
    }
}
