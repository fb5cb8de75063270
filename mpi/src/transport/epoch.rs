//! A window of each rank, open to all for as long as it lives.

use std::ffi::{c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use mpi::ffi;

use super::world::{World, bytes, done, written};
use super::{ARENA_ALIGN, Arenas, TransportError};

/// How windows are made: `MPI_Win_allocate` or `MPI_Win_allocate_shared`.
pub(super) type Allocate = unsafe extern "C" fn(
    ffi::MPI_Aint,
    c_int,
    ffi::MPI_Info,
    ffi::MPI_Comm,
    *mut c_void,
    *mut ffi::MPI_Win,
) -> c_int;

/// A window, and the one access epoch that it is used in.
pub(super) struct Epoch {
    world: Arc<World>,
    win: ffi::MPI_Win,
    arenas: Arenas,
    /// Bytes before the arena of each rank in its window, which need not be aligned.
    skips: Vec<u64>,
}

/// The most bytes of one get or put: counts are `int`s.
const MOST: usize = 1 << 30;

// SAFETY: MPI allows any thread to call it; the window's bytes are used through MPI, or by
// who vouches for that.
unsafe impl Send for Epoch {}
// SAFETY: as for `Send`.
unsafe impl Sync for Epoch {}

impl std::fmt::Debug for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Epoch").field("world", &self.world).finish_non_exhaustive()
    }
}

impl Epoch {
    /// Windows with arenas of `len` bytes; all ranks have to call it.
    pub(super) fn open(
        world: &Arc<World>,
        len: usize,
        allocate: Allocate,
    ) -> Result<Self, TransportError> {
        let made = Self::allocate(world, len, allocate);
        let is_made = world.agree(made.is_ok());
        let (win, base) = made?;
        if !is_made {
            // Freeing the window would wait for those that have none.
            return Err(TransportError::OutOfMemory(len));
        }
        let skip = base.align_offset(ARENA_ALIGN);
        // SAFETY: the window has that many bytes more than the arena.
        let arena = unsafe { base.add(skip) };
        // SAFETY: the same.
        unsafe { arena.write_bytes(0, len) };
        let skips = world.gather_numbers(skip as u64)?;
        let lens = world.gather_numbers(len as u64)?.into_iter().map(|len| len as usize).collect();
        let own = NonNull::slice_from_raw_parts(arena, len);
        let arenas = Arenas::new(world.rank(), own, lens);
        // SAFETY: the window was just made, and is used in this epoch alone.
        done(unsafe { ffi::MPI_Win_lock_all(ffi::MPI_MODE_NOCHECK as c_int, win) }, world.rank())?;
        Ok(Self { world: Arc::clone(world), win, arenas, skips })
    }

    fn allocate(
        world: &World,
        len: usize,
        allocate: Allocate,
    ) -> Result<(ffi::MPI_Win, NonNull<u8>), TransportError> {
        let full = TransportError::OutOfMemory(len);
        let size = len.checked_add(ARENA_ALIGN).and_then(|size| isize::try_from(size).ok());
        let size = size.ok_or(full)? as ffi::MPI_Aint;
        let mut base = std::ptr::null_mut::<u8>();
        let to = (&raw mut base).cast();
        // SAFETY: the constants are the library's; the window and its base are written.
        unsafe {
            let (comm, info) = (world.comm(), ffi::RSMPI_INFO_NULL);
            let win = written(world.rank(), |win| allocate(size, 1, info, comm, to, win))?;
            done(ffi::MPI_Win_set_errhandler(win, ffi::RSMPI_ERRORS_RETURN), world.rank())?;
            Ok((win, NonNull::new(base).ok_or(full)?))
        }
    }

    pub(super) fn win(&self) -> ffi::MPI_Win {
        self.win
    }

    pub(super) fn arenas(&self) -> &Arenas {
        &self.arenas
    }

    /// Bytes before the arena of `rank` in its window.
    pub(super) fn skip(&self, rank: u32) -> usize {
        self.skips[rank as usize] as usize
    }

    /// Posts gets.
    ///
    /// # Safety
    ///
    /// As [`Transport::get`](super::Transport::get), and the bytes are within the arena.
    pub(super) unsafe fn get(
        &self,
        to: *mut u8,
        rank: u32,
        from: u64,
        len: usize,
    ) -> Result<(), TransportError> {
        self.in_parts(rank, from, len, |at, disp, count| {
            let to = to.wrapping_add(at).cast();
            // SAFETY: the caller vouches for both sides.
            unsafe {
                ffi::MPI_Get(to, count, bytes(), rank as c_int, disp, count, bytes(), self.win)
            }
        })
    }

    /// Posts puts.
    ///
    /// # Safety
    ///
    /// As [`Transport::put`](super::Transport::put), and the bytes are within the arena.
    pub(super) unsafe fn put(
        &self,
        rank: u32,
        to: u64,
        from: *const u8,
        len: usize,
    ) -> Result<(), TransportError> {
        self.in_parts(rank, to, len, |at, disp, count| {
            let from = from.wrapping_add(at).cast();
            // SAFETY: the caller vouches for both sides.
            unsafe {
                ffi::MPI_Put(from, count, bytes(), rank as c_int, disp, count, bytes(), self.win)
            }
        })
    }

    /// Calls `post` with where each part begins, in all and in the window, and its length.
    fn in_parts(
        &self,
        rank: u32,
        at: u64,
        len: usize,
        post: impl Fn(usize, ffi::MPI_Aint, c_int) -> c_int,
    ) -> Result<(), TransportError> {
        let start = self.skip(rank) + at as usize;
        for part in (0..len).step_by(MOST) {
            let code = post(part, (start + part) as ffi::MPI_Aint, MOST.min(len - part) as c_int);
            done(code, rank)?;
        }
        Ok(())
    }

    /// Waits for all that was posted to `rank`.
    pub(super) fn flush(&self, rank: u32) -> Result<(), TransportError> {
        // SAFETY: the window is in its epoch.
        done(unsafe { ffi::MPI_Win_flush(rank as c_int, self.win) }, rank)
    }

    /// As [`World::all_gather`]; orders what the processor and MPI do to the windows.
    pub(super) fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<(), TransportError> {
        self.sync()?;
        self.world.all_gather(mine, all)?;
        self.sync()
    }

    fn sync(&self) -> Result<(), TransportError> {
        // SAFETY: the window is in its epoch.
        done(unsafe { ffi::MPI_Win_sync(self.win) }, self.world.rank())
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        // Freeing waits for the others, which a rank that panics must not.
        if !std::thread::panicking() {
            // SAFETY: nobody else has the window any more.
            unsafe {
                ffi::MPI_Win_unlock_all(self.win);
                ffi::MPI_Win_free(&mut self.win);
            }
        }
    }
}
