//! A software device, and pools on it.

use std::alloc::Layout;
use std::sync::Arc;

use anymem_gpu::driver::SimDriver;
use anymem_gpu::pool::{DevicePoolOptions, DeviceProviderOptions, StreamPool};
use anymem_gpu::{Device, DeviceAddress, GpuError};
use anymem_gpu_sim::{Completion, Machine, Options};

/// Bytes that are mapped at a time here.
pub(crate) const CHUNK: usize = 256 << 10;

/// A device, and the machine that it is of.
pub(crate) struct Sim {
    pub(crate) device: Device,
    driver: Arc<SimDriver>,
}

impl Sim {
    /// A device of `memory` bytes.
    pub(crate) fn new(memory: usize, completion: Completion) -> Self {
        let granularity = 64 << 10;
        Self::with(Options { memory, granularity, completion, ..Options::default() })
    }

    pub(crate) fn with(options: Options) -> Self {
        let driver = SimDriver::new(options).expect("a machine");
        let device = Device::with_driver(driver.clone(), 0).expect("a device");
        Self { device, driver }
    }

    pub(crate) fn machine(&self) -> &Machine {
        self.driver.machine()
    }

    /// Calls of the driver that `work` makes.
    pub(crate) fn calls_of(&self, work: impl FnOnce()) -> u64 {
        let before = self.machine().all_calls();
        work();
        self.machine().all_calls() - before
    }
}

/// Chunks of [`CHUNK`] bytes, slabs of 64 KiB, and 4 KiB of each size at hand.
pub(crate) fn small() -> DevicePoolOptions {
    let blocks = |options: anymem::pool::DisjointOptions| {
        options.slab_min_size(64 << 10).max_poolable_size(64 << 10).thread_cache(4 << 10)
    };
    DevicePoolOptions::new().memory(DeviceProviderOptions::new().chunk(CHUNK)).blocks(blocks)
}

pub(crate) fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).expect("a layout")
}

/// Frees a block that the test uses no more, as far as streams are not to be waited for.
pub(crate) fn free(pool: &StreamPool, block: DeviceAddress) -> Result<(), GpuError> {
    // SAFETY: blocks of these tests are used by what their streams were asked for alone.
    unsafe { pool.free(block) }
}
