//! A stream's pool as a memory.

use core::alloc::Layout;
use core::fmt;

use anymem_core::memory::{Memory, MemoryError, MemoryId, Place};

use super::StreamPool;
use crate::{DeviceAddress, DeviceMemory, GpuError};

/// The memory of a [`StreamPool`]: objects with a type, whose blocks come from the pool.
///
/// It is the same memory as the device's [`DeviceMemory`], so addresses of one are valid in the
/// other. Copies go by the pool's stream, and are done when they return: what is copied comes
/// after what the stream was asked for before, for the block may have been another stream's.
///
/// # Examples
///
/// ```no_run
/// use anymem::memory::{MemRead, MemSlice, MemWrite};
/// use anymem_gpu::driver::DriverKind;
/// use anymem_gpu::pool::DevicePool;
/// use anymem_gpu::{Device, Stream};
///
/// let device = Device::open(DriverKind::Cuda, 0)?;
/// let pool = DevicePool::new(&device)?.on(&Stream::new(&device)?)?;
/// let mut numbers = MemSlice::filled(1000, 0_u32, pool.memory())?;
/// numbers.set(7, 1)?;
/// assert_eq!(numbers.get(7)?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PooledMemory {
    pool: StreamPool,
    copies: DeviceMemory,
}

impl PooledMemory {
    pub(super) fn new(pool: StreamPool) -> Self {
        Self { copies: DeviceMemory::with_stream(pool.stream().clone()), pool }
    }

    /// The pool.
    #[must_use]
    pub fn pool(&self) -> &StreamPool {
        &self.pool
    }

    /// What the driver said when a copy failed last.
    #[must_use]
    pub fn last_error(&self) -> Option<GpuError> {
        self.copies.last_error()
    }

    /// Waits for what was posted, unless posting it has failed.
    fn finish(&self, posted: Result<(), MemoryError>) -> Result<(), MemoryError> {
        posted.and_then(|()| self.copies.flush())
    }
}

// SAFETY: blocks are the pool's, which hands each out once; the copies are those of the
// device's memory, in the order of the stream that the blocks are for.
unsafe impl Memory for PooledMemory {
    type Address = DeviceAddress;

    fn id(&self) -> MemoryId {
        self.copies.id()
    }

    #[inline]
    fn allocate(&self, layout: Layout) -> Result<DeviceAddress, MemoryError> {
        self.pool.allocate(layout).map_err(|error| error.of_memory(layout.size()))
    }

    #[inline]
    unsafe fn free(&self, address: DeviceAddress, _layout: Layout) {
        // SAFETY: passed on from the caller, who has promised what there could be errors for.
        let _ = unsafe { self.pool.free(address) };
    }

    unsafe fn copy_to(
        &self,
        to: DeviceAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        self.finish(unsafe { self.copies.post_copy_to(to, from, len) })
    }

    unsafe fn copy_from(
        &self,
        to: *mut u8,
        from: DeviceAddress,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        self.finish(unsafe { self.copies.post_copy_from(to, from, len) })
    }

    unsafe fn fill(&self, at: DeviceAddress, byte: u8, len: usize) -> Result<(), MemoryError> {
        let (device, stream) = (self.pool.stream().device(), Some(self.pool.stream().id()));
        let (driver, number) = (device.driver(), device.number());
        // SAFETY: passed on from the caller.
        let filled = unsafe { driver.fill(number, stream, at.number(), byte, len) };
        self.finish(filled.map_err(|error| error.of_memory(len)))
    }

    unsafe fn copy_peer(
        &self,
        to: DeviceAddress,
        from: Place<'_>,
        len: usize,
    ) -> Option<Result<(), MemoryError>> {
        // The copy is of no stream: whoever used the block before is to be done first.
        if let Err(error) = self.pool.stream().synchronize() {
            return Some(Err(error.of_memory(len)));
        }
        // SAFETY: passed on from the caller.
        unsafe { self.copies.copy_peer(to, from, len) }
    }

    unsafe fn post_copy_to(
        &self,
        to: DeviceAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        unsafe { self.copies.post_copy_to(to, from, len) }
    }

    unsafe fn post_copy_from(
        &self,
        to: *mut u8,
        from: DeviceAddress,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        unsafe { self.copies.post_copy_from(to, from, len) }
    }

    fn flush(&self) -> Result<(), MemoryError> {
        self.copies.flush()
    }

    fn failures(&self) -> u32 {
        self.copies.failures()
    }

    fn available(&self) -> Option<usize> {
        self.copies.available()
    }

    fn granule(&self) -> usize {
        self.copies.granule()
    }
}

impl fmt::Debug for PooledMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PooledMemory").field(self.pool.stream()).finish()
    }
}
