//! One host: each rank maps the arenas of all.

use std::ffi::c_int;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use mpi::ffi;

use super::epoch::Epoch;
use super::world::{World, done};
use super::{Arenas, Kind, Transport, TransportError};

/// Gets and puts as copies in memory that all ranks map, by `MPI_Win_allocate_shared`.
#[derive(Debug)]
pub struct Shared {
    epoch: Epoch,
    /// Where this process finds the arenas, by rank.
    mapped: Vec<NonNull<[u8]>>,
}

// SAFETY: the arenas are shared memory that lives as long as the window; who uses their bytes
// vouches for it.
unsafe impl Send for Shared {}
// SAFETY: as for `Send`.
unsafe impl Sync for Shared {}

impl Shared {
    /// Arenas of `bytes` bytes; all ranks have to call it.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](TransportError::Unavailable) if the ranks are on several hosts, or
    /// what MPI says.
    pub fn new(world: &Arc<World>, bytes: usize) -> Result<Self, TransportError> {
        if !world.one_host()? {
            return Err(TransportError::Unavailable(Kind::Shared));
        }
        let epoch = Epoch::open(world, bytes, ffi::MPI_Win_allocate_shared)?;
        let mapped = (0..world.ranks()).map(|rank| map(&epoch, rank)).collect::<Result<_, _>>()?;
        Ok(Self { epoch, mapped })
    }

    /// Where `len` bytes at `at` of the arena of `rank` are mapped.
    fn resolve(&self, rank: u32, at: u64, len: usize) -> Result<*mut u8, TransportError> {
        self.arenas().check(rank, at, len)?;
        // SAFETY: within the arena, as was just checked.
        Ok(unsafe { self.mapped[rank as usize].cast::<u8>().add(at as usize) }.as_ptr())
    }
}

/// Where this process maps the arena of `rank`.
fn map(epoch: &Epoch, rank: u32) -> Result<NonNull<[u8]>, TransportError> {
    let mut base = std::ptr::null_mut::<u8>();
    let (mut size, mut unit) = (0, 0);
    let to = (&raw mut base).cast();
    // SAFETY: it writes size, unit and base of a rank's part of the window.
    let code =
        unsafe { ffi::MPI_Win_shared_query(epoch.win(), rank as c_int, &mut size, &mut unit, to) };
    done(code, rank)?;
    let base = NonNull::new(base).ok_or(TransportError::Unavailable(Kind::Shared))?;
    // SAFETY: the part of the window has as many bytes before the arena.
    let arena = unsafe { base.add(epoch.skip(rank)) };
    Ok(NonNull::slice_from_raw_parts(arena, epoch.arenas().len_of(rank)))
}

// SAFETY: the arenas are mapped as long as the window lives; copies are checked against their
// lengths.
unsafe impl Transport for Shared {
    fn kind(&self) -> Kind {
        Kind::Shared
    }

    fn arenas(&self) -> &Arenas {
        self.epoch.arenas()
    }

    fn shared(&self, rank: u32) -> Option<NonNull<[u8]>> {
        self.mapped.get(rank as usize).copied()
    }

    unsafe fn get(
        &self,
        to: *mut u8,
        rank: u32,
        from: u64,
        len: usize,
    ) -> Result<(), TransportError> {
        let from = self.resolve(rank, from, len)?;
        // SAFETY: just checked; for `to` the caller vouches, who may mean the same arena.
        unsafe { to.copy_from(from, len) };
        Ok(())
    }

    unsafe fn put(
        &self,
        rank: u32,
        to: u64,
        from: *const u8,
        len: usize,
    ) -> Result<(), TransportError> {
        let to = self.resolve(rank, to, len)?;
        // SAFETY: just checked; for `from` the caller vouches, who may mean the same arena.
        unsafe { to.copy_from(from, len) };
        Ok(())
    }

    fn flush(&self, rank: u32) -> Result<(), TransportError> {
        self.arenas().check(rank, 0, 0)?;
        // SeqCst: what was copied is there before whatever this rank does next.
        fence(Ordering::SeqCst);
        Ok(())
    }

    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<(), TransportError> {
        self.arenas().check_gather(mine, all)?;
        self.epoch.all_gather(mine, all)
    }
}
