//! Blocks of a pool as slices of cudarc's.

use core::alloc::Layout;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream, CudaView, CudaViewMut, DeviceRepr, ValidAsZeroBits};

use super::{DevicePool, StreamPool};
use crate::driver::{DriverKind, StreamId};
use crate::{DeviceAddress, GpuError, Stream};

/// A [`DevicePool`] for a stream of cudarc's: slices that come from the pool.
///
/// ```no_run
/// use anymem_gpu::Device;
/// use anymem_gpu::driver::DriverKind;
/// use anymem_gpu::pool::{CudarcPool, DevicePool};
/// use cudarc::driver::CudaContext;
///
/// let stream = CudaContext::new(0)?.default_stream();
/// let pool = DevicePool::new(&Device::open(DriverKind::Cuda, 0)?)?;
/// let pool = CudarcPool::new(&pool, &stream)?;
/// let mut numbers = pool.alloc_zeros::<f32>(1000)?;
/// stream.memcpy_htod(&[1.0; 1000], &mut numbers.view_mut())?;
/// assert_eq!(stream.clone_dtoh(&*numbers)?[7], 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CudarcPool {
    pool: StreamPool,
    stream: Arc<CudaStream>,
}

impl CudarcPool {
    /// The pool for what `stream` is asked for.
    ///
    /// # Errors
    ///
    /// As [`DevicePool::on`], and [`WrongDevice`](GpuError::WrongDevice) if the stream is of
    /// another device than the pool.
    pub fn new(pool: &DevicePool, stream: &Arc<CudaStream>) -> Result<Self, GpuError> {
        let (device, ordinal) = (pool.device(), stream.context().ordinal() as u32);
        if device.kind() != DriverKind::Cuda || device.number() != ordinal {
            return Err(GpuError::WrongDevice { asked: ordinal, found: device.number() });
        }
        // SAFETY: 1. The driver's own handle of a stream that `stream` has, which the clone
        //    keeps. 2. Both use the device's primary context.
        let own = unsafe {
            let id = StreamId::from_raw(stream.cu_stream() as u64);
            Stream::borrow_from(device, id, Arc::clone(stream) as _)
        };
        Ok(Self { pool: pool.on(&own)?, stream: Arc::clone(stream) })
    }

    /// The pool, of plain blocks.
    #[must_use]
    pub fn pool(&self) -> &StreamPool {
        &self.pool
    }

    /// A slice of `len` elements, whose bytes may be anything.
    ///
    /// cudarc has two events made for each slice, unless the context is told not to
    /// (`CudaContext::disable_event_tracking`); without, this calls nothing of the driver's.
    ///
    /// # Errors
    ///
    /// As [`StreamPool::allocate`].
    ///
    /// # Safety
    ///
    /// Nothing reads what was not written before.
    pub unsafe fn alloc<T: DeviceRepr>(&self, len: usize) -> Result<PooledSlice<T>, GpuError> {
        let too_large = |_| anymem::pool::PoolError::TooLarge { requested: usize::MAX };
        let block = self.pool.allocate(Layout::array::<T>(len).map_err(too_large)?)?;
        // SAFETY: the block has room for that many, and is the stream's; the caller sees to
        // what is read of it.
        let slice = unsafe { self.stream.upgrade_device_ptr(block.number(), len) };
        Ok(PooledSlice { slice: ManuallyDrop::new(slice), block, pool: self.pool.clone() })
    }

    /// A slice of `len` zeroes.
    ///
    /// # Errors
    ///
    /// As [`StreamPool::allocate_zeroed`].
    pub fn alloc_zeros<T: DeviceRepr + ValidAsZeroBits>(
        &self,
        len: usize,
    ) -> Result<PooledSlice<T>, GpuError> {
        // SAFETY: all of it is set below, before anybody has it.
        let slice = unsafe { self.alloc::<T>(len) }?;
        let (device, id) = (self.pool.stream().device(), self.pool.stream().id());
        let (at, bytes) = (slice.block.number(), len * size_of::<T>());
        if bytes > 0 {
            // SAFETY: the slice's own bytes, in the order of its stream.
            unsafe { device.driver().fill(device.number(), Some(id), at, 0, bytes) }?;
        }
        Ok(slice)
    }
}

impl fmt::Debug for CudarcPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CudarcPool").field(&self.pool).finish()
    }
}

/// A slice of cudarc's whose memory is a pool's, and goes back there.
///
/// It is read as the slice that it refers to, and written by [views](Self::view_mut): both are
/// what cudarc's copies and kernels take. What other streams of cudarc's did with it is waited
/// for by its own stream before the memory is anybody else's, as far as cudarc tracks it.
pub struct PooledSlice<T> {
    /// Never dropped, for it would give the memory to the driver.
    slice: ManuallyDrop<CudaSlice<T>>,
    block: DeviceAddress,
    pool: StreamPool,
}

impl<T> PooledSlice<T> {
    /// All of it, to be read.
    #[must_use]
    pub fn view(&self) -> CudaView<'_, T> {
        self.slice.as_view()
    }

    /// All of it, to be written.
    ///
    /// There is no way to the slice itself, which could be exchanged for another, and would
    /// then be given to the driver.
    #[must_use]
    pub fn view_mut(&mut self) -> CudaViewMut<'_, T> {
        self.slice.as_view_mut()
    }
}

impl<T> Deref for PooledSlice<T> {
    type Target = CudaSlice<T>;

    fn deref(&self) -> &CudaSlice<T> {
        &self.slice
    }
}

impl<T> Drop for PooledSlice<T> {
    fn drop(&mut self) {
        // SAFETY: it is not used any more.
        let slice = unsafe { ManuallyDrop::take(&mut self.slice) };
        slice.leak();
        // SAFETY: a live block; its stream waits for the others that cudarc knows to use it.
        let _ = unsafe { self.pool.free(self.block) };
    }
}

impl<T> fmt::Debug for PooledSlice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledSlice").field("pool", &self.pool).finish_non_exhaustive()
    }
}
