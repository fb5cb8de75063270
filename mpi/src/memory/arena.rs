//! This rank's arena as a memory.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

use anymem_core::memory::{HostAddressable, Memory, MemoryError, MemoryId};

use super::ArenaAddress;
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
}

// SAFETY: blocks are those of the heap; copies are those that go by `host`.
unsafe impl Memory for ArenaMemory {
    type Address = ArenaAddress;

    fn id(&self) -> MemoryId {
        self.job.memory_id(self.job.rank())
    }

    fn allocate(&self, layout: Layout) -> Result<ArenaAddress, MemoryError> {
        self.heap()?.allocate(layout).map(ArenaAddress::of_block)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<ArenaAddress, MemoryError> {
        self.heap()?.allocate_zeroed(layout).map(ArenaAddress::of_block)
    }

    unsafe fn free(&self, address: ArenaAddress, layout: Layout) {
        if let Ok(heap) = self.heap() {
            // SAFETY: passed on from the caller.
            unsafe { heap.free(address.block(), layout) };
        }
    }

    #[inline]
    fn host(&self, address: ArenaAddress) -> Option<NonNull<u8>> {
        let arena = self.job.arena();
        let offset = usize::try_from(address.offset()).ok().filter(|&at| at <= arena.len())?;
        // SAFETY: within the arena, or at its end.
        Some(unsafe { arena.cast::<u8>().add(offset) })
    }

    fn available(&self) -> Option<usize> {
        self.heap().ok()?.available()
    }
}

// SAFETY: blocks are in the arena, which is as long as the job; the heap aligns them.
unsafe impl HostAddressable for ArenaMemory {}
