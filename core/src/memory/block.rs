//! A block of a memory that knows where to go back to.

use core::alloc::Layout;

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
