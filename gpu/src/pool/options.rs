//! What a device pool is made with.

use std::sync::Arc;

use anymem::pool::DisjointOptions;

use super::bank::Bank;
use super::provider::DeviceProviderOptions;
use super::shared::Shared;
use super::shortage::{Callback, Shortage};
use super::watch::Watch;
use super::{DevicePool, DeviceProvider};
use crate::{Device, GpuError};

/// What a [`DevicePool`] is made with.
///
/// ```
/// use anymem_gpu::pool::{DevicePoolOptions, DeviceProviderOptions};
///
/// let options = DevicePoolOptions::new()
///     .memory(DeviceProviderOptions::new().limit(8 << 30))
///     .on_shortage(|pool, shortage| shortage.attempt == 1 && pool.trim(0).is_ok());
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct DevicePoolOptions {
    memory: DeviceProviderOptions,
    blocks: DisjointOptions,
    callback: Option<Callback>,
}

impl DevicePoolOptions {
    /// All of the device's own memory; slabs of 8 MiB, blocks of up to 16 MiB cut from such,
    /// and 16 MiB of each size at hand for each thread and stream.
    #[must_use]
    pub fn new() -> Self {
        let blocks = DisjointOptions::new().name("device").slab_min_size(8 << 20);
        let blocks = blocks.max_poolable_size(16 << 20).thread_cache(16 << 20);
        Self { memory: DeviceProviderOptions::new(), blocks, callback: None }
    }

    /// Where the memory comes from: managed or pinned memory, chunks, and a limit.
    #[must_use]
    pub fn memory(self, memory: DeviceProviderOptions) -> Self {
        Self { memory, ..self }
    }

    /// How blocks are cut, kept and cached for each stream. Each stream has such a pool.
    #[must_use]
    pub fn blocks(self, change: impl FnOnce(DisjointOptions) -> DisjointOptions) -> Self {
        Self { blocks: change(self.blocks), ..self }
    }

    /// What is called when there is no memory for a block, whatever the pool gives up: it may
    /// free blocks, trim this pool or others, raise the limit, and says whether to try again.
    ///
    /// It is called in the thread that allocates, which holds no lock of the pool's.
    #[must_use]
    pub fn on_shortage(
        self,
        ask: impl Fn(&DevicePool, &Shortage) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { callback: Some(Callback::new(ask)), ..self }
    }

    /// Makes the pool.
    ///
    /// # Errors
    ///
    /// What the driver says when it is asked for the device's attributes.
    pub fn build(self, device: &Device) -> Result<DevicePool, GpuError> {
        let provider = self.memory.clone().build(device)?;
        Ok(self.build_on(provider))
    }

    /// Makes the pool on memory that others may use as well.
    #[must_use]
    pub fn build_on(self, provider: impl Into<Arc<DeviceProvider>>) -> DevicePool {
        let watch = Arc::new(Watch::default());
        let bank = Arc::new(Bank::new(provider.into(), Arc::clone(&watch)));
        let shared = Shared::new(bank, watch, self.blocks, self.callback);
        DevicePool::from_shared(Arc::new(shared))
    }
}

impl Default for DevicePoolOptions {
    fn default() -> Self {
        Self::new()
    }
}
