//! A pool, as one stream has it.

use core::alloc::Layout;
use core::fmt;
use core::ptr::{self, NonNull};
use std::sync::Arc;

use anymem::ipc::IpcHandle;
use anymem::pool::{Pool, PoolHandle};

use super::lane::Lane;
use super::shared::Shared;
use super::watch::{Flag, Watch};
use super::{DevicePool, PooledMemory};
use crate::{DeviceAddress, GpuError, Stream};

/// A [`DevicePool`], for what one stream is asked for.
///
/// A block is for what the stream is asked for after it was allocated. What else uses it waits
/// for the stream first, as with anything that the stream makes: other streams by an event,
/// the processor by [`synchronize`](Stream::synchronize).
///
/// Clones are the same. Any thread may use it.
///
/// # Cost
///
/// Where the thread has a block of that size at hand, allocating and freeing one take about 75
/// instructions together, and no line is written that other threads write.
#[derive(Clone)]
pub struct StreamPool {
    watch: Arc<Watch>,
    pool: PoolHandle,
    lane: Arc<Lane>,
    shared: Arc<Shared>,
}

impl StreamPool {
    pub(super) fn new(shared: Arc<Shared>, lane: Arc<Lane>) -> Self {
        Self { watch: Arc::clone(&shared.watch), pool: lane.pool.clone(), lane, shared }
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        &self.lane.stream
    }

    /// The pool of all streams.
    #[must_use]
    pub fn device_pool(&self) -> DevicePool {
        DevicePool::from_shared(Arc::clone(&self.shared))
    }

    /// The memory of this pool, for objects with a type.
    #[must_use]
    pub fn memory(&self) -> PooledMemory {
        PooledMemory::new(self.clone())
    }

    /// Allocates a block for what the stream is asked for next. A layout of size 0 gets a block
    /// of its own.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`](GpuError::OutOfMemory) or [`Limit`](GpuError::Limit), once all that
    /// could make room was tried, and what the driver says.
    #[inline]
    pub fn allocate(&self, layout: Layout) -> Result<DeviceAddress, GpuError> {
        if !self.watch.is_any(&[Flag::Traced, Flag::Settle])
            && let Ok(block) = self.pool.allocate(layout)
        {
            return Ok(address_of(block));
        }
        self.shared.allocate(&self.lane, layout).map(address_of)
    }

    /// Allocates a block and asks the stream to set its bytes to 0.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate).
    pub fn allocate_zeroed(&self, layout: Layout) -> Result<DeviceAddress, GpuError> {
        let block = self.allocate(layout)?;
        let (device, stream) = (self.stream().device(), Some(self.stream().id()));
        let (driver, number) = (device.driver(), device.number());
        // SAFETY: the block is new, of that size, and the stream's.
        let filled = unsafe { driver.fill(number, stream, block.number(), 0, layout.size()) };
        filled.map(|()| block).inspect_err(|_| {
            // SAFETY: nobody has heard of it. It was just allocated, so it is freed.
            let _ = unsafe { self.free(block) };
        })
    }

    /// Frees a block, which may be one of another stream of the pool.
    ///
    /// What the stream was asked for until now may still use it: the memory is handed out for
    /// what comes after that.
    ///
    /// # Errors
    ///
    /// [`NotABlock`](GpuError::NotABlock) where that can be seen.
    ///
    /// # Safety
    ///
    /// The block is a live one of this pool. Nothing uses it but what this stream was asked for
    /// until now, or the block's own stream, or those that it was
    /// [said to be used by](Self::use_on); and what was asked of these comes before whatever
    /// this stream is asked for next, or is done.
    #[inline]
    pub unsafe fn free(&self, block: DeviceAddress) -> Result<(), GpuError> {
        let block = pointer_to(block)?;
        if !self.watch.is_any(&[Flag::Traced, Flag::Lent, Flag::Shared])
            // SAFETY: passed on from the caller; a pool that does not have it does nothing.
            && unsafe { self.pool.free(block) }.is_ok()
        {
            return Ok(());
        }
        // SAFETY: passed on from the caller.
        unsafe { self.shared.free(&self.lane, block) }
    }

    /// Says that a live block is used by what another stream was asked for, or will be before
    /// it is freed. (PyTorch: `record_stream`)
    ///
    /// When it is freed it is kept back until that stream has done what it was asked for by
    /// then. While there are such blocks, freeing takes a lock.
    ///
    /// # Errors
    ///
    /// [`NotABlock`](GpuError::NotABlock) if no live block of the pool starts there.
    pub fn use_on(&self, block: DeviceAddress, stream: &Stream) -> Result<(), GpuError> {
        self.shared.lend(pointer_to(block)?, stream)
    }

    /// A handle of a live block of the pool, with all bytes that may be used, by which
    /// [others](crate::ipc) open it until it is freed or the handle is [put
    /// back](anymem::ipc::put).
    ///
    /// Freed while others have it open, the block is kept back until none has. What they do with
    /// it is ordered with the stream by nothing but what they and this process agree on.
    ///
    /// From then on freeing takes a lock.
    ///
    /// # Errors
    ///
    /// [`NotABlock`](GpuError::NotABlock) if no live block of the pool starts there, and as
    /// [`DeviceProvider::share`](super::DeviceProvider::share).
    pub fn share(&self, block: DeviceAddress) -> Result<IpcHandle, GpuError> {
        self.shared.share(pointer_to(block)?)
    }

    /// How many bytes of a live block may be used: those asked for, or more.
    ///
    /// # Errors
    ///
    /// [`NotABlock`](GpuError::NotABlock) where no live block of this stream starts.
    pub fn usable_size(&self, block: DeviceAddress) -> Result<usize, GpuError> {
        let not_a_block = |_| GpuError::NotABlock { address: block.number() };
        self.pool.usable_size(pointer_to(block)?).map_err(not_a_block)
    }
}

impl fmt::Debug for StreamPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamPool").field("lane", &self.lane).finish_non_exhaustive()
    }
}

#[inline]
fn address_of(block: NonNull<u8>) -> DeviceAddress {
    DeviceAddress::new(block.addr().get() as u64)
}

#[inline]
fn pointer_to(block: DeviceAddress) -> Result<NonNull<u8>, GpuError> {
    // Pinned and managed memory was exposed by the driver; the device's own is never followed.
    let at = ptr::with_exposed_provenance_mut(block.number() as usize);
    NonNull::new(at).ok_or_else(|| GpuError::NotABlock { address: block.number() })
}
