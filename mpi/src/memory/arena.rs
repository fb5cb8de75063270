//! This rank's arena as a memory.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

use anymem_core::memory::{Address, HostAddressable, Memory, MemoryError, MemoryId};

use super::{ArenaAddress, heap};
use crate::Job;
use crate::job::Heap;

/// The arena of this rank: memory that the processor uses, and that other ranks reach as
/// [`RemoteMemory`](crate::RemoteMemory).
#[derive(Debug, Clone)]
pub struct ArenaMemory {
    job: Arc<Job>,
}

impl ArenaMemory {
    /// The arena of this rank of the job.
    #[must_use]
    pub fn new(job: &Arc<Job>) -> Self {
        Self { job: Arc::clone(job) }
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    fn heap(&self) -> Result<&Heap, MemoryError> {
        self.job.heap(self.job.rank()).ok_or(MemoryError::Unsupported)
    }

    #[inline]
    fn pointer(&self, address: ArenaAddress) -> *mut u8 {
        self.job.arena().cast::<u8>().as_ptr().wrapping_add(address.offset() as usize)
    }
}

// SAFETY: blocks are those of the heap; copies are the processor's.
unsafe impl Memory for ArenaMemory {
    type Address = ArenaAddress;

    fn id(&self) -> MemoryId {
        self.job.memory_id(self.job.rank())
    }

    fn allocate(&self, layout: Layout) -> Result<ArenaAddress, MemoryError> {
        heap::allocate(self.heap()?, self.job.arena(), layout).map(ArenaAddress::new)
    }

    unsafe fn free(&self, address: ArenaAddress, layout: Layout) {
        if let Ok(found) = self.heap() {
            // SAFETY: passed on from the caller.
            unsafe { heap::free(found, self.job.arena(), address.offset(), layout) };
        }
    }

    unsafe fn copy_to(
        &self,
        to: ArenaAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: the caller vouches for both, which do not overlap.
        unsafe { self.pointer(to).copy_from_nonoverlapping(from, len) };
        Ok(())
    }

    unsafe fn copy_from(
        &self,
        to: *mut u8,
        from: ArenaAddress,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: the caller vouches for both, which do not overlap.
        unsafe { to.copy_from_nonoverlapping(self.pointer(from), len) };
        Ok(())
    }

    unsafe fn fill(&self, at: ArenaAddress, byte: u8, len: usize) -> Result<(), MemoryError> {
        // SAFETY: the caller vouches for it.
        unsafe { self.pointer(at).write_bytes(byte, len) };
        Ok(())
    }

    #[inline]
    fn host(&self, address: ArenaAddress) -> Option<NonNull<u8>> {
        if address == ArenaAddress::NULL {
            return None;
        }
        NonNull::new(self.pointer(address))
    }
}

// SAFETY: blocks are in the arena, which is as long as the job; the heap aligns them.
unsafe impl HostAddressable for ArenaMemory {}
