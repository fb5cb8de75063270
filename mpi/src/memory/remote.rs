//! Another rank's arena as a memory.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Arc;

use anymem_core::memory::{Memory, MemoryError, MemoryId};

use super::RemoteAddress;
use crate::Job;
use crate::transport::Transport;

/// The arena of some rank, which the transport reaches; the processor itself does so where
/// the ranks share it.
///
/// Posted copies are gets and puts, and a flush waits for those of the rank. What one rank
/// copies while another uses the same bytes is whatever it is: barriers keep them apart.
///
/// Blocks can be allocated where the processor reaches the arena. Elsewhere the rank itself
/// allocates them as [`ArenaMemory`](crate::ArenaMemory), and tells where they are.
#[derive(Debug, Clone)]
pub struct RemoteMemory {
    job: Arc<Job>,
    rank: u32,
}

impl RemoteMemory {
    /// The arena of `rank`; `None` if there is no such rank.
    #[must_use]
    pub fn new(job: &Arc<Job>, rank: u32) -> Option<Self> {
        (rank < job.ranks()).then(|| Self { job: Arc::clone(job), rank })
    }

    /// Whose arena it is.
    #[must_use]
    pub fn rank(&self) -> u32 {
        self.rank
    }

    #[inline]
    fn transport(&self) -> &dyn Transport {
        &**self.job.transport()
    }
}

// SAFETY: blocks are those of the rank's heap; the transport copies what it is asked to.
unsafe impl Memory for RemoteMemory {
    type Address = RemoteAddress;

    fn id(&self) -> MemoryId {
        self.job.memory_id(self.rank)
    }

    fn allocate(&self, layout: Layout) -> Result<RemoteAddress, MemoryError> {
        let heap = self.job.heap(self.rank).ok_or(MemoryError::Unsupported)?;
        heap.allocate(layout).map(RemoteAddress::of_block)
    }

    unsafe fn free(&self, address: RemoteAddress, layout: Layout) {
        if let Some(heap) = self.job.heap(self.rank) {
            // SAFETY: passed on from the caller.
            unsafe { heap.free(address.block(), layout) };
        }
    }

    unsafe fn copy_to(
        &self,
        to: RemoteAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        unsafe { self.post_copy_to(to, from, len)? };
        self.flush()
    }

    unsafe fn copy_from(
        &self,
        to: *mut u8,
        from: RemoteAddress,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        unsafe { self.post_copy_from(to, from, len)? };
        self.flush()
    }

    fn host(&self, address: RemoteAddress) -> Option<NonNull<u8>> {
        let arena = self.transport().shared(self.rank)?;
        self.transport().arenas().check(self.rank, address.offset(), 0).ok()?;
        // SAFETY: the offset is at most the arena's length.
        Some(unsafe { arena.cast::<u8>().add(address.offset() as usize) })
    }

    unsafe fn post_copy_to(
        &self,
        to: RemoteAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        unsafe { self.transport().put(self.rank, to.offset(), from, len) }.map_err(Into::into)
    }

    unsafe fn post_copy_from(
        &self,
        to: *mut u8,
        from: RemoteAddress,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        unsafe { self.transport().get(to, self.rank, from.offset(), len) }.map_err(Into::into)
    }

    fn flush(&self) -> Result<(), MemoryError> {
        self.job.flush(self.rank).map_err(Into::into)
    }

    fn failures(&self) -> u32 {
        self.job.failures()
    }

    fn granule(&self) -> usize {
        8
    }
}
