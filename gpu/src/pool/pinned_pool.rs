//! A pool of the processor's memory that stays where it is.

use std::sync::Arc;

use anymem::Size;
use anymem::memory::PoolMemory;
use anymem::pool::{DisjointOptions, PoolHandle, Tracked};
use anymem::provider::CoarseOptions;

use super::DeviceProviderOptions;
use crate::{Device, GpuError};

/// A pool of the processor's memory that stays where it is, so that a device copies from and to
/// it at full speed.
///
/// It is a pool as anymem's others: [`memory`](Self::memory) is what objects with a type are
/// made in. A block that is freed may be handed out at once, so streams are done with it by
/// then; a [scope](crate::Stream::scope) sees to that. For blocks that are freed while a stream uses
/// them there is a [`DevicePool`](super::DevicePool) on
/// [pinned memory](DeviceProviderOptions::pinned).
///
/// ```no_run
/// use anymem::memory::{MemSlice, MemWrite};
/// use anymem_gpu::driver::DriverKind;
/// use anymem_gpu::pool::PinnedPool;
/// use anymem_gpu::Device;
///
/// let pool = PinnedPool::new(&Device::open(DriverKind::Cuda, 0)?)?;
/// let mut numbers = MemSlice::filled(1000, 0_u32, pool.memory())?;
/// numbers.set(7, 1)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PinnedPool {
    pool: PoolHandle,
    memory: PoolMemory<PoolHandle>,
}

impl PinnedPool {
    /// A pool of as much as there is, in chunks of 32 MiB.
    ///
    /// # Errors
    ///
    /// As [`with_options`](Self::with_options).
    pub fn new(device: &Device) -> Result<Self, GpuError> {
        let blocks = DisjointOptions::new().name("pinned").slab_min_size(2 << 20);
        Self::with_options(device, DeviceProviderOptions::new(), blocks)
    }

    /// A pool of pinned memory with the chunks and the limit that `memory` says, cut as
    /// `blocks` says.
    ///
    /// # Errors
    ///
    /// What the driver says when it is asked for the device's attributes, and
    /// [`Pool`](GpuError::Pool) for settings that cannot be.
    pub fn with_options(
        device: &Device,
        memory: DeviceProviderOptions,
        blocks: DisjointOptions,
    ) -> Result<Self, GpuError> {
        let provider = memory.pinned().build(device)?;
        let chunks = CoarseOptions::new().name("pinned").region(Size::bytes(provider.chunk()));
        let chunks = chunks.over(Arc::new(provider)).map_err(anymem::pool::PoolError::from)?;
        let pool = PoolHandle::new(blocks.build(Tracked::new(Arc::new(chunks))?)?);
        let memory = PoolMemory::new(pool.clone());
        let unsupported = GpuError::Unsupported { device: device.number(), what: "pinned memory" };
        Ok(Self { pool, memory: memory.map_err(|_| unsupported)? })
    }

    /// The pool itself.
    #[must_use]
    pub fn handle(&self) -> &PoolHandle {
        &self.pool
    }

    /// Its memory, for objects with a type.
    #[must_use]
    pub fn memory(&self) -> PoolMemory<PoolHandle> {
        self.memory.clone()
    }
}
