//! One-sided: a window of each rank, whatever host it is on.

use std::sync::Arc;

use mpi::ffi;

use super::epoch::Epoch;
use super::{Arenas, Kind, Transport, TransportError, World};

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

    fn arenas(&self) -> &Arenas {
        self.epoch.arenas()
    }

    unsafe fn get(
        &self,
        to: *mut u8,
        rank: u32,
        from: u64,
        len: usize,
    ) -> Result<(), TransportError> {
        self.arenas().check(rank, from, len)?;
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
        self.arenas().check(rank, to, len)?;
        // SAFETY: just checked; for `from` the caller vouches.
        unsafe { self.epoch.put(rank, to, from, len) }
    }

    fn flush(&self, rank: u32) -> Result<(), TransportError> {
        self.arenas().check(rank, 0, 0)?;
        self.epoch.flush(rank)
    }

    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<(), TransportError> {
        self.arenas().check_gather(mine, all)?;
        self.epoch.all_gather(mine, all)
    }
}
