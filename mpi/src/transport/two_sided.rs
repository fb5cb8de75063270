//! Two-sided: ranks ask each other, where windows cannot be had.
//!
//! A flush sends one request with all runs that were posted to a rank, and both sides
//! describe theirs by one datatype, so that nothing is packed:
//!
//! ```text
//!   get   asker ──REQUEST {get, (at, len)…}──▶ owner      put   asker ──REQUEST {put, …}──▶ owner
//!         asker ◀──ANSWER── owner                               asker ──PUT bytes──▶ owner
//!         asker ◀──GOT bytes── owner                            asker ◀──ANSWER── owner
//! ```
//!
//! What the asker is to receive is posted before it asks, and it serves others while it
//! waits, so the owner's blocking calls end and nobody waits in a circle. A rank has one
//! request out at a time; one thread of it serves at a time.

use std::ffi::{c_int, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use mpi::ffi;

use super::block::Block;
use super::indexed::{Indexed, Run};
use super::world::{World, done, duplicate, wait_while, written};
use super::{Arenas, Kind, Transport, TransportError};

const REQUEST: c_int = 1;
const GOT: c_int = 2;
const PUT: c_int = 3;
const ANSWER: c_int = 4;

/// The first word of a request.
const ASK_GET: u64 = 0;
const ASK_PUT: u64 = 1;

/// Gets and puts as messages.
///
/// A rank serves the others whenever it calls any method that waits, or
/// [`progress`](Transport::progress).
#[derive(Debug)]
pub struct TwoSided {
    world: Arc<World>,
    comm: Comm,
    arenas: Arenas,
    /// Owns this rank's one.
    _arena: Block,
    posted: Mutex<Vec<Posted>>,
    /// Held by who talks to other ranks.
    talk: Mutex<()>,
}

/// A communicator for the messages.
struct Comm(ffi::MPI_Comm);

// SAFETY: MPI allows any thread to call it.
unsafe impl Send for Comm {}
// SAFETY: as for `Send`.
unsafe impl Sync for Comm {}

impl std::fmt::Debug for Comm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Comm")
    }
}

/// What the next flush of a rank asks it for.
#[derive(Debug, Default)]
struct Posted {
    gets: Asked,
    puts: Asked,
}

/// Runs of bytes here, and where they are on the other side.
#[derive(Debug, Default)]
struct Asked {
    here: Vec<Run>,
    /// Where and how many, for each of them.
    there: Vec<u64>,
}

impl Asked {
    fn push(&mut self, start: *mut u8, at: u64, len: usize) {
        for part in (0..len).step_by(Run::MOST) {
            let len = Run::MOST.min(len - part);
            self.here.push(Run { start: start.wrapping_add(part), len });
            self.there.extend([at + part as u64, len as u64]);
        }
    }
}

impl TwoSided {
    /// Arenas of `bytes` bytes; all ranks have to call it.
    ///
    /// # Errors
    ///
    /// There is no room, or what MPI says.
    pub fn new(world: &Arc<World>, bytes: usize) -> Result<Self, TransportError> {
        let block = Block::zeroed(bytes);
        let lens = world.gather_numbers(bytes as u64)?;
        let comm = Comm(duplicate(world.comm())?);
        let posted = Mutex::new((0..world.ranks()).map(|_| Posted::default()).collect());
        let (world, talk, block) = (Arc::clone(world), Mutex::new(()), block?);
        let lens = lens.into_iter().map(|len| len as usize).collect();
        let arenas = Arenas::new(world.rank(), block.bytes(), lens);
        Ok(Self { world, comm, arenas, _arena: block, posted, talk })
    }

    fn posted(&self) -> MutexGuard<'_, Vec<Posted>> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks `rank` for what was posted, and serves the others until it has answered.
    fn ask(&self, rank: u32, kind: u64, asked: &Asked) -> Result<(), TransportError> {
        if asked.here.is_empty() {
            return Ok(());
        }
        let mut answer: c_int = 0;
        let request = [&[kind], &asked.there[..]].concat();
        let runs = Indexed::new(&asked.here)?;
        let (first, to) = (asked.here[0].start.cast::<c_void>(), rank as c_int);
        let (into, words) = ((&raw mut answer).cast::<c_void>(), request.as_ptr().cast());
        let (comm, runs, count) = (self.comm.0, runs.raw(), request.len() as c_int);
        let mut messages = Messages([none(); 3]);
        let [answered, data, requested] = &mut messages.0;
        // SAFETY: the buffers are there until all three have ended, which `messages` sees to,
        // and nobody else uses them; for the runs, who posted them vouches.
        unsafe {
            done(ffi::MPI_Irecv(into, 1, int(), to, ANSWER, comm, answered), rank)?;
            let code = match kind {
                ASK_GET => ffi::MPI_Irecv(first, 1, runs, to, GOT, comm, data),
                _ => ffi::MPI_Isend(first, 1, runs, to, PUT, comm, data),
            };
            done(code, rank)?;
            done(ffi::MPI_Isend(words, count, word(), to, REQUEST, comm, requested), rank)?;
        }
        wait_while(rank, &mut messages.0, || self.serve())?;
        let code = answer;
        if code == 0 { Ok(()) } else { Err(TransportError::Failed { rank, code }) }
    }

    /// Serves the requests that are there; whether there was one. The caller may talk.
    fn serve(&self) -> Result<bool, TransportError> {
        let mut served = false;
        while let Some((from, count)) = self.next_request()? {
            let mut request = vec![0_u64; count];
            let words = request.as_mut_ptr().cast::<c_void>();
            // SAFETY: there is room for as many words as were announced.
            let code = unsafe {
                let ignored = ffi::RSMPI_STATUS_IGNORE;
                let (len, source) = (count as c_int, from as c_int);
                ffi::MPI_Recv(words, len, word(), source, REQUEST, self.comm.0, ignored)
            };
            done(code, from)?;
            self.answer(from, &request)?;
            served = true;
        }
        Ok(served)
    }

    /// Who asks, and how many words; `None` if nobody does.
    fn next_request(&self) -> Result<Option<(u32, usize)>, TransportError> {
        let mut there: c_int = 0;
        // SAFETY: the constant is the library's; state and count are written if a message
        // is there, and not used else.
        unsafe {
            let any = ffi::RSMPI_ANY_SOURCE;
            let mut status = std::mem::zeroed::<ffi::MPI_Status>();
            let code = ffi::MPI_Iprobe(any, REQUEST, self.comm.0, &mut there, &mut status);
            done(code, self.rank())?;
            if there == 0 {
                return Ok(None);
            }
            let from = status.MPI_SOURCE as u32;
            let count: c_int = written(from, |count| ffi::MPI_Get_count(&status, word(), count))?;
            Ok(Some((from, usize::try_from(count).unwrap_or(0))))
        }
    }

    /// Does what `from` asks for, if all of it is in the arena.
    fn answer(&self, from: u32, request: &[u64]) -> Result<(), TransportError> {
        let [kind, there @ ..] = request else { return Ok(()) };
        let found = self.runs_of(there);
        let code = if found.is_some() { 0 } else { TransportError::REFUSED };
        // Where it is refused, the bytes that come with it go nowhere.
        let bytes = there.chunks_exact(2).map(|run| run[1] as usize).sum();
        let mut nowhere = Vec::new();
        let runs = found.unwrap_or_else(|| vec![refused(*kind, bytes, &mut nowhere)]);
        if *kind == ASK_GET {
            self.send_answer(from, code)?;
            self.pass(from, &runs, |first, runs, comm, rank| {
                // SAFETY: the runs are within the arena, or empty.
                unsafe { ffi::MPI_Send(first, 1, runs, rank, GOT, comm) }
            })
        } else {
            self.pass(from, &runs, |first, runs, comm, rank| {
                // SAFETY: the runs are within the arena, or in a block as long as them.
                unsafe {
                    let ignored = ffi::RSMPI_STATUS_IGNORE;
                    ffi::MPI_Recv(first, 1, runs, rank, PUT, comm, ignored)
                }
            })?;
            self.send_answer(from, code)
        }
    }

    fn pass(
        &self,
        rank: u32,
        runs: &[Run],
        call: impl FnOnce(*mut c_void, ffi::MPI_Datatype, ffi::MPI_Comm, c_int) -> c_int,
    ) -> Result<(), TransportError> {
        let datatype = Indexed::new(runs)?;
        done(call(runs[0].start.cast(), datatype.raw(), self.comm.0, rank as c_int), rank)
    }

    fn send_answer(&self, rank: u32, code: c_int) -> Result<(), TransportError> {
        let from = (&raw const code).cast::<c_void>();
        // SAFETY: it sends one number.
        let sent = unsafe { ffi::MPI_Send(from, 1, int(), rank as c_int, ANSWER, self.comm.0) };
        done(sent, rank)
    }

    /// The runs of this arena that a request tells of; `None` if one is not in it.
    fn runs_of(&self, there: &[u64]) -> Option<Vec<Run>> {
        let arena = self.arena();
        let runs = there.chunks_exact(2).map(|run| {
            let (at, len) = (run[0], usize::try_from(run[1]).ok()?);
            self.arenas().check(self.rank(), at, len).ok()?;
            let start = arena.cast::<u8>().as_ptr().wrapping_add(at as usize);
            (len <= Run::MOST).then_some(Run { start, len })
        });
        runs.collect::<Option<Vec<Run>>>().filter(|runs| !runs.is_empty())
    }

    /// Serves others, unless another thread of this rank does.
    fn serve_if_free(&self) -> Result<bool, TransportError> {
        match self.talk.try_lock() {
            Ok(_talk) => self.serve(),
            Err(TryLockError::Poisoned(talk)) => {
                let _talk = talk.into_inner();
                self.serve()
            }
            Err(TryLockError::WouldBlock) => Ok(false),
        }
    }
}

/// Messages whose buffers are lent until they have ended.
struct Messages([ffi::MPI_Request; 3]);

/// No message.
fn none() -> ffi::MPI_Request {
    // SAFETY: a constant of the library.
    unsafe { ffi::RSMPI_REQUEST_NULL }
}

impl Drop for Messages {
    /// Takes back what has not ended because something failed.
    fn drop(&mut self) {
        for message in self.0.iter_mut().filter(|message| **message != none()) {
            // SAFETY: the message is active, or MPI says so and does nothing.
            unsafe {
                ffi::MPI_Cancel(message);
                ffi::MPI_Wait(message, ffi::RSMPI_STATUS_IGNORE);
            }
        }
    }
}

/// The datatype of answers.
fn int() -> ffi::MPI_Datatype {
    // SAFETY: a constant of the library.
    unsafe { ffi::RSMPI_INT32_T }
}

/// The datatype of requests.
fn word() -> ffi::MPI_Datatype {
    // SAFETY: a constant of the library.
    unsafe { ffi::RSMPI_UINT64_T }
}

/// What is sent or received instead of what is refused: no bytes, or all of them, to nowhere.
fn refused(kind: u64, bytes: usize, nowhere: &mut Vec<u8>) -> Run {
    if kind != ASK_GET {
        nowhere.resize(bytes, 0);
    }
    Run { start: nowhere.as_mut_ptr(), len: nowhere.len() }
}

// SAFETY: the arena is a block of its own; owners check what is asked of them.
unsafe impl Transport for TwoSided {
    fn kind(&self) -> Kind {
        Kind::TwoSided
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
        self.arenas().check(rank, from, len)?;
        self.posted()[rank as usize].gets.push(to, from, len);
        Ok(())
    }

    unsafe fn put(
        &self,
        rank: u32,
        to: u64,
        from: *const u8,
        len: usize,
    ) -> Result<(), TransportError> {
        self.arenas().check(rank, to, len)?;
        self.posted()[rank as usize].puts.push(from.cast_mut(), to, len);
        Ok(())
    }

    fn flush(&self, rank: u32) -> Result<(), TransportError> {
        self.arenas().check(rank, 0, 0)?;
        let _talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let Posted { gets, puts } = std::mem::take(&mut self.posted()[rank as usize]);
        let put = self.ask(rank, ASK_PUT, &puts);
        self.ask(rank, ASK_GET, &gets).and(put)
    }

    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<(), TransportError> {
        self.arenas().check_gather(mine, all)?;
        self.world.all_gather_while(mine, all, || self.serve_if_free())
    }

    fn progress(&self) -> Result<(), TransportError> {
        self.serve_if_free().map(drop)
    }
}

impl Drop for TwoSided {
    fn drop(&mut self) {
        // Others may still ask; a rank that panics must not wait for them.
        if !std::thread::panicking() && self.barrier().is_ok() {
            // SAFETY: nobody else has the communicator any more.
            unsafe { ffi::MPI_Comm_free(&mut self.comm.0) };
        }
    }
}
