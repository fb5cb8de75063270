//! A block of a memory that knows where to go back to.

use core::alloc::Layout;
use core::mem::ManuallyDrop;

use super::{Memory, MemoryError};

/// A block, freed by drop: what everything that owns memory of a [`Memory`] is made of.
pub(crate) struct Block<M: Memory> {
    memory: M,
    address: M::Address,
    layout: Layout,
}

impl<M: Memory> Block<M> {
    /// A new block, whose bytes are not initialised.
    pub(crate) fn allocate(memory: M, layout: Layout) -> Result<Self, MemoryError> {
        let address = memory.allocate(layout)?;
        Ok(Self { memory, address, layout })
    }

    /// A new block of zeroes.
    pub(crate) fn zeroed(memory: M, layout: Layout) -> Result<Self, MemoryError> {
        let address = memory.allocate_zeroed(layout)?;
        Ok(Self { memory, address, layout })
    }

    /// The block that [`into_raw`](Self::into_raw) was called on.
    ///
    /// # Safety
    ///
    /// `address` was allocated of `memory` with that layout, and is nobody else's.
    pub(crate) const unsafe fn from_raw(memory: M, address: M::Address, layout: Layout) -> Self {
        Self { memory, address, layout }
    }

    /// Takes it apart; nothing is freed.
    pub(crate) fn into_raw(self) -> (M, M::Address) {
        let block = ManuallyDrop::new(self);
        // SAFETY: the block is not used again, and not dropped.
        (unsafe { core::ptr::read(&raw const block.memory) }, block.address)
    }

    pub(crate) fn memory(&self) -> &M {
        &self.memory
    }

    pub(crate) fn address(&self) -> M::Address {
        self.address
    }
}

impl<M: Memory> Drop for Block<M> {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, and whoever borrowed of it has ended.
        unsafe { self.memory.free(self.address, self.layout) };
    }
}
