//! Ranks that are threads of one process.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::block::Block;
use super::meeting::Meeting;
use super::{Arenas, Kind, Transport, TransportError};

/// A rank of a job without MPI, for tests and programs of one process.
///
/// What is posted happens when it is flushed, so that whoever forgets that will notice. A
/// rank that is dropped has left: who waits for it, or reaches for its arena, gets
/// [`GONE`](TransportError::GONE).
///
/// ```
/// use anymem_mpi::{LoopBack, Transport};
///
/// let ranks = LoopBack::ranks(2, 1 << 12)?;
/// let mut bytes = [0_u8; 4];
/// // SAFETY: both are there until the flush, and nobody else uses them.
/// unsafe {
///     ranks[0].put(1, 16, b"page".as_ptr(), 4)?;
///     ranks[0].flush(1)?;
///     ranks[0].get(bytes.as_mut_ptr(), 1, 16, 4)?;
///     ranks[0].flush(1)?;
/// }
/// assert_eq!(&bytes, b"page");
/// # Ok::<(), anymem_mpi::TransportError>(())
/// ```
#[derive(Debug)]
pub struct LoopBack {
    job: Arc<Job>,
    arenas: Arenas,
    posted: Mutex<Vec<Vec<Posted>>>,
}

/// What the ranks of a job share.
#[derive(Debug)]
struct Job {
    arenas: Vec<Block>,
    left: Vec<AtomicBool>,
    meeting: Meeting,
}

/// A copy that the next flush makes.
#[derive(Debug, Clone, Copy)]
struct Posted {
    to: *mut u8,
    from: *const u8,
    len: usize,
}

// SAFETY: its pointers are used by the flush alone, until which `get` and `put` had their
// callers vouch for them.
unsafe impl Send for Posted {}

impl LoopBack {
    /// The ranks of a job, with arenas of `bytes` bytes: one for each thread.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`](TransportError::OutOfMemory).
    pub fn ranks(ranks: u32, bytes: usize) -> Result<Vec<Self>, TransportError> {
        let arenas = (0..ranks).map(|_| Block::zeroed(bytes)).collect::<Result<_, _>>()?;
        let left = (0..ranks).map(|_| AtomicBool::new(false)).collect();
        let job = Arc::new(Job { arenas, left, meeting: Meeting::new(ranks) });
        Ok((0..ranks).map(|rank| Self::of(&job, rank)).collect())
    }

    /// The only rank of a job.
    ///
    /// # Errors
    ///
    /// As [`ranks`](Self::ranks).
    pub fn alone(bytes: usize) -> Result<Self, TransportError> {
        let (arenas, left) = (vec![Block::zeroed(bytes)?], vec![AtomicBool::new(false)]);
        Ok(Self::of(&Arc::new(Job { arenas, left, meeting: Meeting::new(1) }), 0))
    }

    fn of(job: &Arc<Job>, rank: u32) -> Self {
        let own = job.arenas[rank as usize].bytes();
        let lens = job.arenas.iter().map(|arena| arena.bytes().len()).collect();
        let posted = Mutex::new(vec![Vec::new(); job.arenas.len()]);
        Self { job: Arc::clone(job), arenas: Arenas::new(rank, own, lens), posted }
    }

    /// Where `len` bytes at `at` of the arena of `rank` are.
    fn resolve(&self, rank: u32, at: u64, len: usize) -> Result<NonNull<u8>, TransportError> {
        self.arenas().check(rank, at, len)?;
        let arena = self.job.arenas[rank as usize].bytes().cast::<u8>();
        // SAFETY: within the arena, as was just checked.
        Ok(unsafe { arena.add(at as usize) })
    }

    fn post(&self, rank: u32, copy: Posted) {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)[rank as usize].push(copy);
    }
}

// SAFETY: the arenas are blocks of their own that live as long as any rank does; copies are
// checked against their lengths.
unsafe impl Transport for LoopBack {
    fn kind(&self) -> Kind {
        Kind::Loop
    }

    fn arenas(&self) -> &Arenas {
        &self.arenas
    }

    unsafe fn get(
        &self,
        to: *mut u8,
        rank: u32,
        from: u64,
        len: usize,
    ) -> Result<(), TransportError> {
        let from = self.resolve(rank, from, len)?.as_ptr();
        self.post(rank, Posted { to, from, len });
        Ok(())
    }

    unsafe fn put(
        &self,
        rank: u32,
        to: u64,
        from: *const u8,
        len: usize,
    ) -> Result<(), TransportError> {
        let to = self.resolve(rank, to, len)?.as_ptr();
        self.post(rank, Posted { to, from, len });
        Ok(())
    }

    fn flush(&self, rank: u32) -> Result<(), TransportError> {
        self.arenas().check(rank, 0, 0)?;
        let mut posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        let posted = std::mem::take(&mut posted[rank as usize]);
        // Acquire: pairs with the Release of who left, after its last words.
        if self.job.left[rank as usize].load(Ordering::Acquire) {
            return Err(TransportError::Failed { rank, code: TransportError::GONE });
        }
        for Posted { to, from, len } in posted {
            // SAFETY: both are valid for `len` bytes until this flush: the one was checked,
            // for the other the caller of `get` or `put` vouches. Parts of one arena may
            // overlap.
            unsafe { to.copy_from(from, len) };
        }
        Ok(())
    }

    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<(), TransportError> {
        self.arenas().check_gather(mine, all)?;
        let gathered = (self.job.meeting.meet(self.rank(), mine))
            .map_err(|rank| TransportError::Failed { rank, code: TransportError::GONE })?;
        if gathered.len() != all.len() {
            let (rank, code) = (self.rank(), TransportError::REFUSED);
            return Err(TransportError::Failed { rank, code });
        }
        all.copy_from_slice(&gathered);
        Ok(())
    }
}

impl Drop for LoopBack {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `flush`.
        self.job.left[self.rank() as usize].store(true, Ordering::Release);
        self.job.meeting.leave(self.rank());
    }
}
