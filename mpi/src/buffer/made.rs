//! What each rank makes of a buffer by itself.

use std::sync::Arc;

use anymem::memory::HostMemory;
use anymem_core::region::{Access, Anchor, DefaultRegion, Geometry, RegionError, Settings};
use bytemuck::Pod;

use super::owners::Owners;
use super::{BufferOptions, LocalRegion};
use crate::{ArenaMemory, Exported, Handle, Job, MpiRegion, TransportError};

/// What stands for another rank's region.
pub(super) fn peer(
    job: &Arc<Job>,
    rank: u32,
    handle: Option<Handle>,
) -> Result<Option<MpiRegion>, RegionError> {
    let code = TransportError::REFUSED;
    let handle = handle.ok_or(RegionError::Transport { rank, code })?;
    if rank == job.rank() {
        return Ok(None);
    }
    // SAFETY: all ranks have the buffer as long as any, but for those that fail; its pages
    // are used by others in exchanges only, which begin and end with barriers.
    unsafe { MpiRegion::open(job, handle) }.map(Some)
}

/// What a rank makes before the others are asked.
pub(super) struct Made {
    pub(super) owners: Owners,
    pub(super) exported: Exported<LocalRegion>,
    pub(super) anchor: Anchor<Arc<LocalRegion>, HostMemory>,
    pub(super) region: Arc<LocalRegion>,
}

impl Made {
    pub(super) fn new<T: Pod>(
        job: &Arc<Job>,
        len: usize,
        options: BufferOptions<'_>,
    ) -> Result<Self, RegionError> {
        let bytes = len.checked_mul(size_of::<T>());
        let geometry = bytes.and_then(|bytes| Geometry::new(bytes, options.page));
        let geometry = geometry.ok_or(RegionError::Unsupported)?;
        let owners = Owners::new(geometry, options.distribution, job.ranks())?;
        let pause = std::thread::yield_now;
        let settings = Settings { id: job.region_id()?, geometry, blocks: options.blocks, pause };
        let region = Arc::new(DefaultRegion::new(settings, ArenaMemory::new(job), HostMemory)?);
        let own = Access::Pages(owners.of(job.rank())).pages(geometry, HostMemory)?;
        let anchor = Anchor::new(Arc::clone(&region), own)?;
        // What holds nothing is zeroed.
        drop(region.write(&Access::Pages(anchor.pages()))?);
        let exported = Exported::new(job, Arc::clone(&region))?;
        Ok(Self { owners, exported, anchor, region })
    }
}
