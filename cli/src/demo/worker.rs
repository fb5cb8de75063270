//! A worker process.

use core::sync::atomic::{AtomicBool, Ordering};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use anymem::SharedHeap;
use anymem::thread::{Liveness, PthreadModel};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::job::{Job, ROOT};
use super::seat::Seats;
use super::{count, text};
use crate::args::Worker;
use crate::error::CliError;

/// How a worker says that the segment is full.
const SEGMENT_FULL: u8 = 10;

/// How a worker says that the system has no space for the segment.
const NO_SPACE: u8 = 11;

/// What the parent learns from a worker's exit status.
pub(crate) fn known_failure(status: Option<i32>, size: anymem::Size) -> Option<CliError> {
    match u8::try_from(status?).ok()? {
        SEGMENT_FULL => Some(CliError::SegmentFull { size }),
        NO_SPACE => Some(CliError::NoSpace),
        _ => None,
    }
}

/// Takes files from the job's queue and counts them, until there are none.
pub(crate) fn work(worker: &Worker) -> Result<ExitCode, CliError> {
    let ending = follow_parent()?;
    let heap = SharedHeap::open(&worker.name)?;
    let job = heap.root::<Job>(ROOT)?;
    check_parent(job, &worker.name, &ending)?;
    match count_all(job, worker.index, &ending).map_err(|error| error.in_segment(heap.size())) {
        Ok(()) if ending.load(Ordering::Relaxed) => {
            tidy_up(&worker.name);
            Err(CliError::Signalled(SIGTERM))
        }
        Ok(()) => Ok(ExitCode::SUCCESS),
        // The parent tells these, once for all workers.
        Err(CliError::SegmentFull { .. }) => Ok(ExitCode::from(SEGMENT_FULL)),
        Err(CliError::NoSpace) => Ok(ExitCode::from(NO_SPACE)),
        Err(error) => Err(error),
    }
}

/// Refuses to work for a process other than the one that made the job.
///
/// Called when the death signal has been asked for: a parent that died before
/// is noticed here, one that dies later sends it. A process that is ending has lost its
/// children, and told them, while it still takes its threads and its memory apart.
fn check_parent(job: &Job, name: &str, ending: &AtomicBool) -> Result<(), CliError> {
    let parent = job.parent();
    let mine = getppid().map(|pid| pid.as_raw_nonzero().get().cast_unsigned());
    if mine == Some(parent.pid) {
        return Ok(());
    }
    if ending.load(Ordering::Relaxed) || !PthreadModel.is_alive(parent) {
        tidy_up(name);
    }
    Err(CliError::NotTheParent { name: name.into() })
}

/// Removes the segment of a parent that can't any more.
fn tidy_up(name: &str) {
    // Other workers try the same.
    let _ = SharedHeap::unlink(name);
}

/// Sees to it that this process ends after its parent; the flag is set when it
/// is time.
///
/// What a terminal sends to all its processes is left to the parent.
fn follow_parent() -> Result<Arc<AtomicBool>, CliError> {
    let ending = Arc::new(AtomicBool::new(false));
    let ignored = Arc::new(AtomicBool::new(false));
    let register = |signal, flag: &Arc<AtomicBool>| {
        flag::register(signal, Arc::clone(flag)).map_err(CliError::NoSignals)
    };
    register(SIGTERM, &ending)?;
    register(SIGINT, &ignored)?;
    register(SIGHUP, &ignored)?;
    set_parent_process_death_signal(Some(Signal::TERM))
        .map_err(|error| CliError::NoSignals(io::Error::from(error)))?;
    Ok(ending)
}

fn count_all(job: &Job, seat: u32, ending: &AtomicBool) -> Result<(), CliError> {
    let seats = job.seats(seat)?;
    let mut next = job.taken(seat)?;
    if next.is_none() {
        // A predecessor may have died when it had finished its file.
        seats.end();
    }
    while !ending.load(Ordering::Relaxed) {
        let taken = next.take().map_or_else(|| job.take(seat), |left| Ok(Some(left)));
        let Some(index) = taken? else { break };
        count_file(job, &seats, index)?;
        seats.end();
    }
    Ok(())
}

fn count_file(job: &Job, seats: &Seats<'_>, index: usize) -> Result<(), CliError> {
    let path = job.path(index)?;
    let changed = || CliError::FileChanged { path: path.into() };
    match text::read(path) {
        Ok(text) => {
            let words = count::count(job, seats, &text)?.ok_or_else(changed)?;
            job.record(index)?.counted(text.len() as u64, words);
        }
        Err(_) if seats.has_begun() => return Err(changed()),
        Err(why) => job.record(index)?.settle(why),
    }
    Ok(())
}
