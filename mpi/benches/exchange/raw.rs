//! Calls of MPI in a loop: one `MPI_Get` for each page, and one flush.

use core::ffi::{c_int, c_void};
use core::ptr;

use mpi::ffi;

use crate::{
    OWNER, Result,
    contestant::Contestant,
    plain::Bytes,
    task::{BYTES, PAGE, Task},
};

/// A window of `MPI_Win_allocate`, in one access epoch.
pub(crate) struct Raw {
    win: ffi::MPI_Win,
    /// This rank's part of it.
    base: *mut u8,
    here: Bytes,
}

impl Raw {
    pub(crate) fn new() -> Result<Self> {
        let mut base = ptr::null_mut::<u8>();
        // SAFETY: the constants are the library's; the window and its base are written, and
        // the window is not used outside of its epoch.
        let win = unsafe {
            let mut win = ffi::RSMPI_WIN_NULL;
            let (info, comm) = (ffi::RSMPI_INFO_NULL, ffi::RSMPI_COMM_WORLD);
            let to = (&raw mut base).cast::<c_void>();
            done(ffi::MPI_Win_allocate(BYTES as ffi::MPI_Aint, 1, info, comm, to, &mut win))?;
            base.write_bytes(0, BYTES);
            done(ffi::MPI_Win_lock_all(ffi::MPI_MODE_NOCHECK as c_int, win))?;
            win
        };
        Ok(Self { win, base, here: Bytes::new() })
    }

    /// Posts a get of `len` bytes from `at` on.
    fn post(&mut self, at: usize, len: usize) -> Result<()> {
        let to = self.here.at(at).cast::<c_void>();
        let len = len as c_int;
        // SAFETY: the window and the bytes here are as long.
        done(unsafe {
            let byte = ffi::RSMPI_UINT8_T;
            ffi::MPI_Get(to, len, byte, OWNER, at as ffi::MPI_Aint, len, byte, self.win)
        })
    }

    fn flush(&mut self) -> Result<()> {
        // SAFETY: the window is in its epoch.
        done(unsafe { ffi::MPI_Win_flush(OWNER, self.win) })
    }
}

fn done(code: c_int) -> Result<()> {
    if code == ffi::MPI_SUCCESS as c_int {
        Ok(())
    } else {
        Err(format!("MPI failed with {code}").into())
    }
}

impl Contestant for Raw {
    fn write(&mut self, pages: &[usize], value: u64) -> Result<()> {
        for &page in pages {
            // SAFETY: within this rank's part, aligned; the other waits at a barrier.
            unsafe { self.base.add(page * PAGE).cast::<u64>().write_unaligned(value) };
        }
        // SAFETY: the window is in its epoch.
        done(unsafe { ffi::MPI_Win_sync(self.win) })
    }

    fn get_page(&mut self, page: usize) -> Result<()> {
        self.post(page * PAGE, PAGE)?;
        self.flush()
    }

    fn get(&mut self, task: Task, pages: &[usize]) -> Result<()> {
        if task == Task::Scattered {
            pages.iter().try_for_each(|page| self.post(page * PAGE, PAGE))?;
        } else {
            self.post(0, BYTES)?;
        }
        self.flush()
    }

    fn words(&mut self, _task: Task, pages: &[usize]) -> Result<Vec<u64>> {
        Ok(self.here.words(pages))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // SAFETY: both ranks end here, and the window is not used any more.
        unsafe {
            ffi::MPI_Win_unlock_all(self.win);
            ffi::MPI_Win_free(&mut self.win);
        }
    }
}
