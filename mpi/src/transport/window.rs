//! One-sided: a window of each rank, whatever host it is on.

use std::ptr::NonNull;
use std::sync::Arc;

use mpi::ffi;

use super::epoch::Epoch;
use super::model::{check_bounds, check_gather};
use super::{Kind, Transport, TransportError, World};

/// Gets and puts through `MPI_Win_allocate`, in one access epoch that lasts as long as the
/// transport: one for each run of bytes, and one flush for all to a rank.
///
/// Windows of memory that is there already (`MPI_Win_create`) do not work everywhere, and
/// datatypes of many runs are slow where they are not implemented by the network.
#[derive(Debug)]
pub struct Window {
    epoch: Epoch,
}

impl Window {
    /// Arenas of `bytes` bytes; all ranks have to call it.
    ///
    /// # Errors
    ///
    /// What MPI says.
    pub fn new(world: &Arc<World>, bytes: usize) -> Result<Self, TransportError> {
        Ok(Self { epoch: Epoch::open(world, bytes, ffi::MPI_Win_allocate)? })
    }
}

// SAFETY: the arena is the window's; MPI copies what was checked to be in it.
unsafe impl Transport for Window {
    fn kind(&self) -> Kind {
        Kind::Window
    }

    fn rank(&self) -> u32 {
        self.epoch.world().rank()
    }

    fn ranks(&self) -> u32 {
        self.epoch.world().ranks()
    }

    fn arena(&self) -> NonNull<[u8]> {
        self.epoch.arena()
    }

    fn arena_len(&self, rank: u32) -> usize {
        self.epoch.ranks().get(rank as usize).map_or(0, |arena| arena.len)
    }

    unsafe fn get(
        &self,
        to: *mut u8,
        rank: u32,
        from: u64,
        len: usize,
    ) -> Result<(), TransportError> {
        check_bounds(self, rank, from, len)?;
        // SAFETY: just checked; for `to` the caller vouches.
        unsafe { self.epoch.get(to, rank, from, len) }
    }

    unsafe fn put(
        &self,
        rank: u32,
        to: u64,
        from: *const u8,
        len: usize,
    ) -> Result<(), TransportError> {
        check_bounds(self, rank, to, len)?;
        // SAFETY: just checked; for `from` the caller vouches.
        unsafe { self.epoch.put(rank, to, from, len) }
    }

    fn flush(&self, rank: u32) -> Result<(), TransportError> {
        check_bounds(self, rank, 0, 0)?;
        self.epoch.flush(rank)
    }

    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<(), TransportError> {
        check_gather(self, mine, all)?;
        self.epoch.all_gather(mine, all)
    }
}
