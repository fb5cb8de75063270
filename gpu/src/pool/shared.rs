//! What all handles of a device pool have in common.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use anymem::ipc::IpcHandle;
use anymem::pool::{DisjointOptions, Pool, PoolError};
use anymem::provider::ProviderError;

use super::DevicePool;
use super::bank::{Bank, StreamIndex};
use super::lane::Lane;
use super::lent::{Batch, Lent, Parked};
use super::provider::refusal;
use super::shortage::{Callback, Shortage};
use super::trace::Recorder;
use super::watch::{Flag, Watch};
use crate::{DeviceAddress, GpuError, Stream, offers};

/// Blocks that are parked before events are recorded for them.
const BATCH: usize = 32;

/// What all handles of a device pool have in common.
///
/// # Locks
///
/// In this order: `shortage`, `lanes`, `lent`, and those of the streams' pools and the bank.
/// None is held while the callback runs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) watch: Arc<Watch>,
    pub(super) lent: Lent,
    pub(super) recorder: Recorder,
    /// Before the bank, for they give their memory back to it.
    lanes: RwLock<Vec<Arc<Lane>>>,
    pub(super) bank: Arc<Bank>,
    blocks: DisjointOptions,
    callback: Option<Callback>,
    /// Who looks for memory everywhere; the others wait for what is found.
    shortage: Mutex<()>,
}

impl Shared {
    pub(super) fn new(
        bank: Arc<Bank>,
        watch: Arc<Watch>,
        blocks: DisjointOptions,
        callback: Option<Callback>,
    ) -> Self {
        Self {
            lent: Lent::new(Arc::clone(&watch)),
            watch,
            recorder: Recorder::default(),
            lanes: RwLock::default(),
            bank,
            blocks,
            callback,
            shortage: Mutex::default(),
        }
    }

    /// The lane of a stream, made if there is none.
    pub(super) fn lane(&self, stream: &Stream) -> Result<Arc<Lane>, GpuError> {
        let found = |lanes: &[Arc<Lane>]| lanes.iter().find(|lane| lane.stream == *stream).cloned();
        if let Some(lane) = found(&self.lanes()) {
            return Ok(lane);
        }
        let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = found(&lanes) {
            return Ok(lane);
        }
        let lane = Arc::new(Lane::new(&self.bank, stream.clone(), self.blocks.clone())?);
        lanes.push(Arc::clone(&lane));
        Ok(lane)
    }

    /// All streams that ever had a lane, in the order in which they came.
    pub(super) fn lanes(&self) -> Vec<Arc<Lane>> {
        self.lanes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Allocates where the fast way has found something to look out for, or no block.
    #[cold]
    pub(super) fn allocate(
        self: &Arc<Self>,
        lane: &Lane,
        layout: Layout,
    ) -> Result<NonNull<u8>, GpuError> {
        refusal::take();
        if self.watch.is_any(&[Flag::Settle]) {
            self.watch.set(Flag::Settle, false);
            self.settle()?;
        }
        let block = match lane.pool.allocate(layout) {
            Ok(block) => Ok(block),
            Err(error) if is_short(&error) => self.allocate_short(lane, layout),
            Err(error) => Err(refusal::take().unwrap_or_else(|| error.into())),
        };
        let block = block.map_err(|error| self.told(error, layout.size()));
        if let Ok(block) = block
            && self.watch.is_any(&[Flag::Traced])
        {
            self.recorder.allocated(lane.index, block, layout);
        }
        block
    }

    /// Looks for memory everywhere, and asks the callback for more until it gives up.
    fn allocate_short(
        self: &Arc<Self>,
        lane: &Lane,
        layout: Layout,
    ) -> Result<NonNull<u8>, GpuError> {
        let mut attempt = 0;
        offers::settle();
        loop {
            let error = match self.search(lane, layout)? {
                Ok(block) => return Ok(block),
                Err(error) => refusal::take().unwrap_or_else(|| error.into()),
            };
            attempt += 1;
            let shortage = Shortage { asked: layout.size(), stream: lane.stream.clone(), attempt };
            let pool = DevicePool::from_shared(Arc::clone(self));
            if !self.callback.as_ref().is_some_and(|callback| callback.ask(&pool, &shortage)) {
                return Err(error);
            }
        }
    }

    /// Tries again after each thing that may have made room: parked blocks, what the pools of
    /// other streams keep, and whatever is free, put together.
    fn search(
        &self,
        lane: &Lane,
        layout: Layout,
    ) -> Result<Result<NonNull<u8>, PoolError>, GpuError> {
        let _one = self.shortage.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = lane.pool.allocate(layout);
        for step in [Self::settle_by_waiting, Self::flush, Self::clean, Self::give_back] {
            if !matches!(&last, Err(error) if is_short(error)) {
                break;
            }
            step(self)?;
            last = lane.pool.allocate(layout);
        }
        Ok(last)
    }

    /// Frees a block where the fast way has found something to look out for.
    ///
    /// # Safety
    ///
    /// It is a live block of this pool, used by what `by` was asked for at last.
    #[cold]
    pub(super) unsafe fn free(
        self: &Arc<Self>,
        by: &Arc<Lane>,
        block: NonNull<u8>,
    ) -> Result<(), GpuError> {
        let not_a_block = GpuError::NotABlock { address: block.addr().get() as u64 };
        let owner = Lane::of(&self.bank, block).ok_or_else(|| not_a_block.clone())?;
        let lane = self.lane_at(owner).ok_or_else(|| not_a_block.clone())?;
        let len = lane.pool.usable_size(block).map_err(|_| not_a_block)?;
        if self.watch.is_any(&[Flag::Traced]) {
            self.recorder.freed(by.index, block);
        }
        offers::settle();
        let parked = Parked { at: block, owner };
        let device = self.bank.provider().gpu();
        if let Err(in_use) = offers::end(device, block.addr().get() as u64, len) {
            let (shared, by) = (Arc::clone(self), Arc::clone(by));
            in_use.then(move || {
                // SAFETY: passed on from the caller; other processes use it no more either.
                let _ = unsafe { shared.give_up(&by, &lane, parked) };
            });
            return Ok(());
        }
        // SAFETY: passed on from the caller.
        unsafe { self.give_up(by, &lane, parked) }
    }

    /// Frees a block, now or when other streams have done with it.
    ///
    /// # Safety
    ///
    /// As [`free`](Self::free); the block is of `lane`.
    unsafe fn give_up(&self, by: &Lane, lane: &Lane, block: Parked) -> Result<(), GpuError> {
        if block.owner != by.index {
            self.lent.lend(block.at, &by.stream);
        }
        if let Some(waiting) = self.lent.park(block) {
            return if waiting < BATCH { Ok(()) } else { self.settle() };
        }
        // SAFETY: passed on from the caller.
        let freed = unsafe { lane.pool.free(block.at) };
        freed.map_err(|_| GpuError::NotABlock { address: block.at.addr().get() as u64 })
    }

    /// A handle of a live block, for other processes.
    pub(super) fn share(&self, block: NonNull<u8>) -> Result<IpcHandle, GpuError> {
        let address = DeviceAddress::new(block.addr().get() as u64);
        let lane = Lane::of(&self.bank, block).and_then(|owner| self.lane_at(owner));
        let len = lane.and_then(|lane| lane.pool.usable_size(block).ok());
        let len = len.ok_or(GpuError::NotABlock { address: address.number() })?;
        self.watch.set(Flag::Shared, true);
        self.bank.provider().share(address, len)
    }

    /// Notes that a stream uses a live block which is another's.
    pub(super) fn lend(&self, block: NonNull<u8>, to: &Stream) -> Result<(), GpuError> {
        let lane = Lane::of(&self.bank, block).and_then(|owner| self.lane_at(owner));
        let lane = lane.filter(|lane| lane.pool.usable_size(block).is_ok());
        let lane = lane.ok_or(GpuError::NotABlock { address: block.addr().get() as u64 })?;
        if lane.stream != *to {
            self.lent.lend(block, to);
        }
        Ok(())
    }

    /// Frees the parked blocks that nobody uses any more.
    pub(super) fn settle(&self) -> Result<(), GpuError> {
        let done = self.lent.take_done(self.bank.events())?;
        self.free_all(done);
        Ok(())
    }

    /// Frees all parked blocks: their own streams wait for the others.
    fn settle_by_waiting(&self) -> Result<(), GpuError> {
        for batch in self.lent.take_batches(self.bank.events())? {
            if let Err(error) = self.order(&batch) {
                self.lent.put_back(batch);
                return Err(error);
            }
            let Batch { events, blocks } = batch;
            events.into_iter().for_each(|event| self.bank.events().give(event));
            self.free_all(blocks);
        }
        Ok(())
    }

    /// Lets the streams that the blocks of a batch are of wait for its events.
    fn order(&self, batch: &Batch) -> Result<(), GpuError> {
        let mut owners: Vec<_> = batch.blocks.iter().map(|block| block.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        for lane in owners.into_iter().filter_map(|owner| self.lane_at(owner)) {
            batch.events.iter().try_for_each(|event| lane.stream.wait(event))?;
        }
        Ok(())
    }

    fn free_all(&self, blocks: Vec<Parked>) {
        for Parked { at, owner } in blocks {
            if let Some(lane) = self.lane_at(owner) {
                // SAFETY: it was a live block of that lane until it was parked, and nobody
                // uses it any more. `free` has seen that it is one.
                let _ = unsafe { lane.pool.free(at) };
            }
        }
        self.lent.settled();
    }

    /// Lets the bank have what the streams' pools keep for later.
    fn flush(&self) -> Result<(), GpuError> {
        self.lanes().iter().for_each(|lane| {
            lane.pool.trim(0);
        });
        Ok(())
    }

    fn clean(&self) -> Result<(), GpuError> {
        self.bank.clean()
    }

    fn give_back(&self) -> Result<(), GpuError> {
        self.bank.trim(0);
        Ok(())
    }

    /// Gives memory back, all of which is clean by then, but for `keep` bytes; how many went.
    pub(super) fn trim(&self, keep: usize) -> Result<usize, GpuError> {
        let _one = self.shortage.lock().unwrap_or_else(PoisonError::into_inner);
        self.settle()?;
        self.flush()?;
        let forgotten = self.forget();
        self.bank.clean()?;
        forgotten.into_iter().for_each(|index| self.bank.dismiss(index));
        Ok(self.bank.trim(keep))
    }

    /// Lets lanes go that nobody has a pool of, nor a block; what the bank knows them by.
    fn forget(&self) -> Vec<StreamIndex> {
        let mut forgotten = Vec::new();
        let mut lanes = self.lanes.write().unwrap_or_else(PoisonError::into_inner);
        lanes.retain(|lane| {
            let is_used = Arc::strong_count(lane) > 1 || lane.pool.stats().blocks > 0;
            if !is_used {
                forgotten.push(lane.index);
            }
            is_used
        });
        forgotten
    }

    fn lane_at(&self, index: StreamIndex) -> Option<Arc<Lane>> {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        lanes.iter().find(|lane| lane.index == index).cloned()
    }

    /// The error that people see: of want of memory it says what is free now, after all was
    /// tried.
    fn told(&self, error: GpuError, asked: usize) -> GpuError {
        let is_want = match &error {
            GpuError::Pool(error) => is_short(error),
            error => matches!(error, GpuError::OutOfMemory { .. }),
        };
        if !is_want {
            return error;
        }
        let device = self.bank.provider().gpu();
        let (free, total) = device.free_and_total().unwrap_or((0, 0));
        GpuError::OutOfMemory { asked, free, total, held: device.held() }
    }
}

/// Whether it is for want of memory.
fn is_short(error: &PoolError) -> bool {
    matches!(error, PoolError::Limit { .. } | PoolError::Provider(ProviderError::NoMemory { .. }))
}
