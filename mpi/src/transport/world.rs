//! MPI itself, from its start to its end.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::Arc;

use mpi::Threading;
use mpi::environment::{self, Universe};
use mpi::ffi;

use super::TransportError;

/// The processes of an MPI job, with a communicator that nobody else uses.
///
/// Who starts MPI keeps a world until all else that needs MPI is gone: dropping the last one
/// ends MPI, which cannot be started twice in a process. An MPI that somebody else started
/// stays as it is.
///
/// Failures come as values. What ranks do together ends for all or hangs, so a rank that
/// gives up while others go on has to [`abort`](Self::abort).
pub struct World {
    comm: ffi::MPI_Comm,
    rank: u32,
    ranks: u32,
    universe: Option<Universe>,
}

// SAFETY: MPI allows any thread to call it, by the check in `start`.
unsafe impl Send for World {}
// SAFETY: as for `Send`.
unsafe impl Sync for World {}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "World(rank {} of {})", self.rank, self.ranks)
    }
}

/// What an MPI function that involves `rank` returned.
pub(super) fn done(code: c_int, rank: u32) -> Result<(), TransportError> {
    if code == ffi::MPI_SUCCESS as c_int {
        return Ok(());
    }
    let mut class = code;
    // SAFETY: it writes the class.
    unsafe { ffi::MPI_Error_class(code, &mut class) };
    Err(TransportError::Failed { rank, code: class })
}

/// The datatype of bytes.
pub(super) fn bytes() -> ffi::MPI_Datatype {
    // SAFETY: a constant of the library.
    unsafe { ffi::RSMPI_UINT8_T }
}

/// What an MPI function writes to.
///
/// # Safety
///
/// `write` initialises what it is given if it returns success.
pub(super) unsafe fn written<T>(
    rank: u32,
    write: impl FnOnce(*mut T) -> c_int,
) -> Result<T, TransportError> {
    let mut value = MaybeUninit::uninit();
    done(write(value.as_mut_ptr()), rank)?;
    // SAFETY: the caller vouches for it.
    Ok(unsafe { value.assume_init() })
}

impl World {
    /// Joins MPI, and starts it if nobody has.
    ///
    /// # Errors
    ///
    /// [`Mpi`](TransportError::Mpi) if it was ended before, or does not allow any thread to
    /// call it.
    pub fn start() -> Result<Arc<Self>, TransportError> {
        if environment::is_finalized() {
            return Err(TransportError::Mpi { code: TransportError::GONE });
        }
        let started = environment::initialize_with_threading(Threading::Multiple);
        let universe = started.map(|(universe, _)| universe);
        let threading = environment::threading_support();
        if threading < Threading::Multiple {
            return Err(TransportError::Mpi { code: threading as i32 });
        }
        let comm = duplicate(
            // SAFETY: a constant of the library.
            unsafe { ffi::RSMPI_COMM_WORLD },
        )?;
        // SAFETY: both write a number; the communicator was just made.
        let (rank, ranks) = unsafe {
            let rank: c_int = written(0, |rank| ffi::MPI_Comm_rank(comm, rank))?;
            (rank, written::<c_int>(0, |ranks| ffi::MPI_Comm_size(comm, ranks))?)
        };
        // Neither is negative.
        Ok(Arc::new(Self { comm, rank: rank as u32, ranks: ranks as u32, universe }))
    }

    /// The rank of this process.
    #[must_use]
    pub fn rank(&self) -> u32 {
        self.rank
    }

    /// How many processes there are.
    #[must_use]
    pub fn ranks(&self) -> u32 {
        self.ranks
    }

    /// Ends all processes of the job, for who has to give up while others wait.
    pub fn abort(&self, code: i32) -> ! {
        // SAFETY: it ends the processes.
        unsafe { ffi::MPI_Abort(self.comm, code) };
        std::process::abort()
    }

    /// The communicator for what all ranks do together.
    pub(super) fn comm(&self) -> ffi::MPI_Comm {
        self.comm
    }

    /// As [`Transport::all_gather`](super::Transport::all_gather), of lengths that fit.
    pub(super) fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<(), TransportError> {
        self.all_gather_while(mine, all, || Ok(false))
    }

    /// The same, calling `meanwhile` as [`wait_while`] does.
    pub(super) fn all_gather_while(
        &self,
        mine: &[u8],
        all: &mut [u8],
        meanwhile: impl Fn() -> Result<bool, TransportError>,
    ) -> Result<(), TransportError> {
        let (from, to) = (mine.as_ptr().cast::<c_void>(), all.as_mut_ptr().cast::<c_void>());
        let (len, comm) = (mine.len() as c_int, self.comm);
        // SAFETY: `all` has room for as many bytes of each rank, and both are there until all
        // of it has ended.
        let message = unsafe {
            written(self.rank, |new| {
                // Without any bytes, gathering need not wait for anybody.
                if mine.is_empty() {
                    return ffi::MPI_Ibarrier(comm, new);
                }
                ffi::MPI_Iallgather(from, len, bytes(), to, len, bytes(), comm, new)
            })
        };
        wait_while(self.rank, &mut [message?], meanwhile)
    }

    /// Whether all ranks say yes.
    pub(super) fn agree(&self, yes: bool) -> bool {
        let mut all = vec![0; self.ranks as usize];
        self.all_gather(&[u8::from(yes)], &mut all).is_ok() && all.iter().all(|&each| each == 1)
    }

    /// What each rank says, in their order.
    pub(super) fn gather_numbers(&self, mine: u64) -> Result<Vec<u64>, TransportError> {
        let mut all = vec![0; 8 * self.ranks as usize];
        self.all_gather(&mine.to_ne_bytes(), &mut all)?;
        let number = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().unwrap_or_default());
        Ok(all.chunks_exact(8).map(number).collect())
    }

    /// Whether all ranks are on one host.
    pub(super) fn one_host(&self) -> Result<bool, TransportError> {
        // SAFETY: the constants are the library's; the new communicator and its size are
        // written, and it is freed again.
        unsafe {
            let (kind, info) = (ffi::RSMPI_COMM_TYPE_SHARED, ffi::RSMPI_INFO_NULL);
            let mut host = written(self.rank, |host| {
                ffi::MPI_Comm_split_type(self.comm, kind, 0, info, host)
            })?;
            let size: c_int = written(self.rank, |size| ffi::MPI_Comm_size(host, size))?;
            done(ffi::MPI_Comm_free(&mut host), self.rank)?;
            Ok(size as u32 == self.ranks)
        }
    }
}

/// Waits until messages have ended. Meanwhile it calls `meanwhile`, which says whether it had
/// something to do; else others get the processor: MPI's own way is not to let go of it, and
/// there may be more ranks than processors.
pub(super) fn wait_while(
    rank: u32,
    messages: &mut [ffi::MPI_Request],
    meanwhile: impl Fn() -> Result<bool, TransportError>,
) -> Result<(), TransportError> {
    loop {
        let mut ended: c_int = 0;
        let count = messages.len() as c_int;
        // SAFETY: the requests are active or null; their states are of no interest.
        let code = unsafe {
            let ignored = ffi::RSMPI_STATUSES_IGNORE;
            ffi::MPI_Testall(count, messages.as_mut_ptr(), &mut ended, ignored)
        };
        done(code, rank)?;
        if ended != 0 {
            return Ok(());
        }
        if !meanwhile()? {
            std::thread::yield_now();
        }
    }
}

/// Another communicator of the same ranks, whose errors are values.
pub(super) fn duplicate(comm: ffi::MPI_Comm) -> Result<ffi::MPI_Comm, TransportError> {
    // SAFETY: the duplicate is written, and the constant is the library's.
    unsafe {
        let comm = written(0, |copy| ffi::MPI_Comm_dup(comm, copy))?;
        done(ffi::MPI_Comm_set_errhandler(comm, ffi::RSMPI_ERRORS_RETURN), 0)?;
        Ok(comm)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A rank that panics must not wait for the others, and ends them by not ending MPI.
        if std::thread::panicking() {
            std::mem::forget(self.universe.take());
            return;
        }
        // SAFETY: nobody else has the communicator any more.
        unsafe { ffi::MPI_Comm_free(&mut self.comm) };
    }
}
