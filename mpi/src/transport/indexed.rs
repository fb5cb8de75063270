//! Many runs of bytes as one MPI datatype.

use std::ffi::c_int;

use mpi::ffi;

use super::TransportError;
use super::world::{bytes, done, written};

/// Some bytes of this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) start: *mut u8,
    /// At most [`MOST`](Self::MOST).
    pub(super) len: usize,
}

impl Run {
    /// The most bytes of one run: lengths are `int`s.
    pub(super) const MOST: usize = 1 << 30;
}

// SAFETY: whoever sends or receives vouches for the bytes.
unsafe impl Send for Run {}

/// A datatype of runs, the first of which is at the buffer that it is used with.
pub(super) struct Indexed(ffi::MPI_Datatype);

impl Indexed {
    /// The datatype of `runs`; there is at least one.
    pub(super) fn new(runs: &[Run]) -> Result<Self, TransportError> {
        let first = runs.first().map_or(0, |run| run.start.addr());
        let lens: Vec<c_int> = runs.iter().map(|run| run.len as c_int).collect();
        let distance = |run: &Run| run.start.addr().wrapping_sub(first) as ffi::MPI_Aint;
        let places: Vec<ffi::MPI_Aint> = runs.iter().map(distance).collect();
        let (count, lens, places) = (runs.len() as c_int, lens.as_ptr(), places.as_ptr());
        // SAFETY: there are as many lengths and places as are said; the datatype is written.
        unsafe {
            let mut made = Self(written(0, |made| {
                ffi::MPI_Type_create_hindexed(count, lens, places, bytes(), made)
            })?);
            done(ffi::MPI_Type_commit(&mut made.0), 0)?;
            Ok(made)
        }
    }

    pub(super) fn raw(&self) -> ffi::MPI_Datatype {
        self.0
    }
}

impl Drop for Indexed {
    fn drop(&mut self) {
        // SAFETY: it was made by `new`; what is on the way keeps what it needs of it.
        unsafe { ffi::MPI_Type_free(&mut self.0) };
    }
}
