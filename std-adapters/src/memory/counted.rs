//! A memory whose use is counted, and limited.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use super::{HostAddressable, Memory, MemoryError, MemoryId, Place};

/// What a [`Counted`] memory has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MemoryCounts {
    /// Blocks that are allocated.
    pub live: usize,
    /// Bytes that were asked for with them.
    pub bytes: usize,
    /// The most bytes that ever were allocated at a time.
    pub peak: usize,
    /// Blocks that were ever allocated.
    pub allocations: u64,
    /// Bytes that were copied to the memory from the processor's, posted ones included.
    pub bytes_to: u64,
    /// Bytes that were copied from the memory to the processor's, posted ones included.
    pub bytes_from: u64,
    /// Bytes that were copied to the memory directly from others.
    pub bytes_peer: u64,
}

/// Another memory, counted: what is allocated in it, what is copied, and how much there may
/// be.
///
/// Copies are counted when they are asked for. What the processor does by itself in a memory
/// that it can use, by references or between two such ones, is no copy of the memory's.
///
/// ```
/// use anymem::memory::{Counted, HostMemory, MemBox, MemSlice};
///
/// let memory = Counted::limited(HostMemory, 100);
/// let numbers = MemSlice::<u64, _>::zeroed(10, &memory)?;
/// assert_eq!((memory.counts().live, memory.counts().bytes), (1, 80));
/// assert!(MemBox::new([0_u64; 3], &memory).is_err());
/// drop(numbers);
/// assert_eq!((memory.counts().bytes, memory.counts().peak), (0, 80));
/// # Ok::<(), anymem::memory::MemoryError>(())
/// ```
#[derive(Debug)]
pub struct Counted<M> {
    memory: M,
    limit: usize,
    live: AtomicUsize,
    bytes: AtomicUsize,
    peak: AtomicUsize,
    allocations: AtomicU64,
    bytes_to: AtomicU64,
    bytes_from: AtomicU64,
    bytes_peer: AtomicU64,
}

impl<M: Memory> Counted<M> {
    /// `memory`, counted.
    pub const fn new(memory: M) -> Self {
        Self::limited(memory, usize::MAX)
    }

    /// `memory`, counted; no more than `limit` bytes of it are allocated at a time.
    pub const fn limited(memory: M, limit: usize) -> Self {
        let (live, bytes, peak) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let (allocations, bytes_to) = (AtomicU64::new(0), AtomicU64::new(0));
        let (bytes_from, bytes_peer) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { memory, limit, live, bytes, peak, allocations, bytes_to, bytes_from, bytes_peer }
    }

    /// What has been counted so far; each number was true at some moment of the call.
    pub fn counts(&self) -> MemoryCounts {
        MemoryCounts {
            live: self.live.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            peak: self.peak.load(Relaxed),
            allocations: self.allocations.load(Relaxed),
            bytes_to: self.bytes_to.load(Relaxed),
            bytes_from: self.bytes_from.load(Relaxed),
            bytes_peer: self.bytes_peer.load(Relaxed),
        }
    }

    /// The memory that is counted.
    pub const fn memory(&self) -> &M {
        &self.memory
    }

    /// Bytes that the limit leaves.
    fn left(&self) -> usize {
        self.limit.saturating_sub(self.bytes.load(Relaxed))
    }

    /// A block that `allocate` gives, if the limit leaves room for it.
    fn count(
        &self,
        size: usize,
        allocate: impl FnOnce() -> Result<M::Address, MemoryError>,
    ) -> Result<M::Address, MemoryError> {
        let more = |bytes: usize| bytes.checked_add(size).filter(|&bytes| bytes <= self.limit);
        let before = self.bytes.fetch_update(Relaxed, Relaxed, more);
        let before = before.map_err(|_| MemoryError::OutOfMemory { requested: size })?;
        let block = allocate().inspect_err(|_| _ = self.bytes.fetch_sub(size, Relaxed))?;
        self.peak.fetch_max(before + size, Relaxed);
        self.live.fetch_add(1, Relaxed);
        self.allocations.fetch_add(1, Relaxed);
        Ok(block)
    }
}

// SAFETY: everything is done by the memory that is counted.
unsafe impl<M: Memory> Memory for Counted<M> {
    type Address = M::Address;

    fn id(&self) -> MemoryId {
        self.memory.id()
    }

    fn allocate(&self, layout: Layout) -> Result<M::Address, MemoryError> {
        self.count(layout.size(), || self.memory.allocate(layout))
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<M::Address, MemoryError> {
        self.count(layout.size(), || self.memory.allocate_zeroed(layout))
    }

    unsafe fn free(&self, address: M::Address, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.memory.free(address, layout) };
        self.bytes.fetch_sub(layout.size(), Relaxed);
        self.live.fetch_sub(1, Relaxed);
    }

    #[inline]
    unsafe fn copy_to(
        &self,
        to: M::Address,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        self.bytes_to.fetch_add(len as u64, Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { self.memory.copy_to(to, from, len) }
    }

    #[inline]
    unsafe fn copy_from(
        &self,
        to: *mut u8,
        from: M::Address,
        len: usize,
    ) -> Result<(), MemoryError> {
        self.bytes_from.fetch_add(len as u64, Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { self.memory.copy_from(to, from, len) }
    }

    unsafe fn fill(&self, at: M::Address, byte: u8, len: usize) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        unsafe { self.memory.fill(at, byte, len) }
    }

    #[inline]
    fn host(&self, address: M::Address) -> Option<NonNull<u8>> {
        self.memory.host(address)
    }

    unsafe fn copy_peer(
        &self,
        to: M::Address,
        from: Place<'_>,
        len: usize,
    ) -> Option<Result<(), MemoryError>> {
        // SAFETY: passed on from the caller.
        let done = unsafe { self.memory.copy_peer(to, from, len) }?;
        self.bytes_peer.fetch_add(len as u64, Relaxed);
        Some(done)
    }

    unsafe fn post_copy_to(
        &self,
        to: M::Address,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        self.bytes_to.fetch_add(len as u64, Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { self.memory.post_copy_to(to, from, len) }
    }

    unsafe fn post_copy_from(
        &self,
        to: *mut u8,
        from: M::Address,
        len: usize,
    ) -> Result<(), MemoryError> {
        self.bytes_from.fetch_add(len as u64, Relaxed);
        // SAFETY: passed on from the caller.
        unsafe { self.memory.post_copy_from(to, from, len) }
    }

    fn flush(&self) -> Result<(), MemoryError> {
        self.memory.flush()
    }

    fn failures(&self) -> u32 {
        self.memory.failures()
    }

    fn available(&self) -> Option<usize> {
        let left = (self.limit != usize::MAX).then(|| self.left());
        match (self.memory.available(), left) {
            (Some(there), Some(left)) => Some(there.min(left)),
            (one, other) => one.or(other),
        }
    }

    fn granule(&self) -> usize {
        self.memory.granule()
    }
}

// SAFETY: as the memory that is counted.
unsafe impl<M: HostAddressable> HostAddressable for Counted<M> {}
