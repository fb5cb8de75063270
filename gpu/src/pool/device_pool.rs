//! A pool of a device's memory, for all its streams.

use std::sync::Arc;

use anymem::pool::Pool;
use anymem::provider::Provider;

use super::DevicePoolOptions;
use super::provider::DeviceProvider;
use super::shared::Shared;
use super::snapshot::Snapshot;
use super::stats::{DevicePoolStats, StreamStats};
use super::stream_pool::StreamPool;
use super::trace::Trace;
use super::watch::Flag;
use crate::{Device, GpuError, Stream};

/// A pool of a device's memory, for all its streams.
///
/// Blocks are allocated [on a stream](Self::on), for what that stream is asked for next, and
/// freed while the device may still use them: what the same stream does with the memory later
/// comes later. So neither calls the driver, nor waits. All that the pool knows stands in the
/// processor's memory.
///
/// - Each stream has a pool of slabs and, for each thread, blocks at hand.
/// - What a stream gives up is another's once that waits for it: one event and one wait for all
///   that there is.
/// - Memory is mapped a chunk at a time, and given back by [`trim`](Self::trim), or where it is
///   short.
///
/// Clones are the same pool. When the last one goes, and all that was made of it, streams are
/// waited for and the memory is given back, but for regions with live blocks.
///
/// # Examples
///
/// ```no_run
/// use std::alloc::Layout;
///
/// use anymem_gpu::driver::DriverKind;
/// use anymem_gpu::pool::DevicePool;
/// use anymem_gpu::{Device, Stream};
///
/// let device = Device::open(DriverKind::Cuda, 0)?;
/// let pool = DevicePool::new(&device)?;
/// let frames = pool.on(&Stream::new(&device)?)?;
/// let block = frames.allocate(Layout::new::<[f32; 1000]>())?;
/// // … kernels and copies on that stream …
/// // SAFETY: the block is live, and what the stream is asked for next does not use it.
/// unsafe { frames.free(block) }?;
/// # Ok::<(), anymem_gpu::GpuError>(())
/// ```
#[derive(Debug, Clone)]
pub struct DevicePool(Arc<Shared>);

impl DevicePool {
    /// A pool with the settings that [`DevicePoolOptions::new`] has.
    ///
    /// # Errors
    ///
    /// As [`DevicePoolOptions::build`].
    pub fn new(device: &Device) -> Result<Self, GpuError> {
        DevicePoolOptions::new().build(device)
    }

    pub(super) fn from_shared(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> &Device {
        self.provider().gpu()
    }

    /// Where the memory comes from, with its limit.
    #[must_use]
    pub fn provider(&self) -> &Arc<DeviceProvider> {
        self.0.bank.provider()
    }

    /// The pool, for what a stream is asked for. The first call for a stream makes its pool;
    /// keep what it returns.
    ///
    /// # Errors
    ///
    /// [`WrongDevice`](GpuError::WrongDevice) for a stream of another device, and
    /// [`Pool`](GpuError::Pool) if there are too many pools, or the settings of the blocks
    /// cannot be.
    pub fn on(&self, stream: &Stream) -> Result<StreamPool, GpuError> {
        if stream.device() != self.device() {
            let (asked, found) = (stream.device().number(), self.device().number());
            return Err(GpuError::WrongDevice { asked, found });
        }
        Ok(StreamPool::new(Arc::clone(&self.0), self.0.lane(stream)?))
    }

    /// Gives memory that no block needs back to the driver, but for `keep` bytes of it; how
    /// many bytes went. Waits for the streams that used any of it.
    ///
    /// What other threads have at hand stays. Streams that have no block, and of which nobody
    /// has a [`StreamPool`], are forgotten.
    ///
    /// # Errors
    ///
    /// What the driver says when a stream is waited for. What was free is still the pool's.
    pub fn trim(&self, keep: usize) -> Result<usize, GpuError> {
        self.0.trim(keep)
    }

    /// Looks whether other streams are done with blocks that were freed while they
    /// [used](StreamPool::use_on) them. Allocating does so where it needs memory.
    ///
    /// # Errors
    ///
    /// What the driver says when it is asked.
    pub fn settle(&self) -> Result<(), GpuError> {
        self.0.settle()
    }

    /// What the pool has counted.
    #[must_use]
    pub fn stats(&self) -> DevicePoolStats {
        let (bank, provider) = (&self.0.bank, self.provider());
        let lanes = self.0.lanes();
        let streams: Vec<_> = lanes.iter().map(|lane| StreamStats::of(lane, bank)).collect();
        let (steals, growths) = bank.counts();
        let usage = provider.usage();
        let sum = |pick: fn(&StreamStats) -> usize| streams.iter().map(pick).sum();
        DevicePoolStats {
            used: sum(|stream| stream.used),
            blocks: sum(|stream| stream.blocks),
            taken: sum(|stream| stream.taken),
            reserved: usage.current,
            peak_reserved: usage.peak,
            parked: self.0.lent.parked(),
            steals,
            growths,
            streams,
        }
    }

    /// Lets the most that there ever was be what there is now.
    pub fn reset_peaks(&self) {
        self.provider().reset_peak();
        self.0.lanes().iter().for_each(|lane| lane.pool.provider().reset_peak());
    }

    /// All memory of the pool, part by part.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.0)
    }

    /// Begins to note all calls, for [`stop_trace`](Self::stop_trace). They are slower then.
    pub fn start_trace(&self) {
        self.0.recorder.clear();
        self.0.watch.set(Flag::Traced, true);
    }

    /// Ends that; what was noted.
    pub fn stop_trace(&self) -> Trace {
        self.0.watch.set(Flag::Traced, false);
        self.0.recorder.take()
    }
}
