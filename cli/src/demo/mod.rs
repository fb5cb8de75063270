//! The main job: several processes count words into one shared map.
//!
//! ```text
//!   anymem demo ──creates──► segment ◄──attach by name── anymem worker, …
//!        │                   ├ path, taker, outcome per file │
//!        ├ watches workers   ├ a seat per worker             ├ takes a file
//!        └ prints the report └ ShmHashMap<ShmString, _> ◄────┴ counts its words
//! ```
//!
//! If it is asked to, it kills workers meanwhile and starts others in their
//! seats, which go on where they were.
//!
//! The segment goes when the run ends, however it does: by itself, by an error,
//! by a worker that dies, or by a signal. If this process is killed, so that it
//! can do nothing, the workers notice and do it.

mod check;
mod count;
mod files;
mod job;
mod killer;
mod outcome;
mod progress;
mod record;
mod report;
mod seat;
mod segment;
mod text;
mod times;
mod top;
mod words;
mod worker;
mod workers;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anymem::SharedHeap;
use anymem::allocator::Allocator;
use anymem::container::{ContainerError, ShmBox};

use self::check::Verdict;
use self::files::Files;
use self::job::{Job, ROOT, Tally};
use self::killer::Killer;
use self::progress::Progress;
use self::report::{Kills, Report};
use self::segment::Segment;
pub(crate) use self::worker::work;
use self::workers::Workers;
use crate::args::Demo;
use crate::care;
use crate::error::CliError;
use crate::output::{complain, line};
use crate::signals::Signals;

/// Counts, reports, and checks if asked to.
pub(crate) fn run(demo: &Demo) -> Result<ExitCode, CliError> {
    let signals = Signals::listen()?;
    let files = Files::find(&demo.paths, &signals)?;
    let segment = Segment::create(demo.size)?;
    let (heap, job) = (segment.heap(), publish(segment.heap(), &files, demo)?);
    let (time, kills) = count(heap, job, demo, &signals)?;
    report_skipped(job)?;
    summary(heap, job, demo, files.skipped, time, kills)?.print()?;
    let is_whole = kills.is_none() || care::examine(heap)?;
    let is_right = !demo.check || verify(job, demo.workers, time, &signals)?;
    Ok(if is_whole && is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Puts the job into the segment, where workers find it.
fn publish<'h>(heap: &'h SharedHeap, files: &Files, demo: &Demo) -> Result<&'h Job, CliError> {
    let boxed = Job::new(heap, &files.paths, demo.workers, demo.per_word)
        .and_then(|job| ShmBox::new_in(job, heap))
        .map_err(|error| CliError::of_segment(error, heap.size()))?;
    Ok(heap.bind_root(ROOT, boxed)?)
}

/// Lets workers count all files; how long that takes them, and what became of
/// those that were killed.
fn count(
    heap: &SharedHeap,
    job: &Job,
    demo: &Demo,
    signals: &Signals,
) -> Result<(Duration, Option<Kills>), CliError> {
    let progress = Progress::of(job);
    let seed = demo.seed.unwrap_or_else(|| fastrand::u64(..));
    let mut killer = demo.kill.map(|kills| Killer::new(kills, seed));
    let start = Instant::now();
    let mut workers = Workers::start(demo.workers, heap, job)?;
    let losses = workers.wait(signals, &mut killer, || progress.update())?;
    let time = start.elapsed();
    match job.outcomes()?.filter(|outcome| !outcome.is_final()).count() {
        0 => Ok((time, killer.map(|_| Kills { seed, losses }))),
        files => Err(CliError::Unfinished { files: files as u64 }),
    }
}

/// Names the files that were not counted.
fn report_skipped(job: &Job) -> Result<(), ContainerError> {
    for (index, outcome) in job.outcomes()?.enumerate() {
        if let Some(why) = outcome.why_skipped() {
            complain(format_args!("skipped: {}: {why}", job.path(index)?.display()));
        }
    }
    Ok(())
}

fn summary(
    heap: &SharedHeap,
    job: &Job,
    demo: &Demo,
    skipped_before: u64,
    time: Duration,
    kills: Option<Kills>,
) -> Result<Report, CliError> {
    let tally = job.tally()?;
    Ok(Report {
        top: top::top(&job.counts, demo.top)?,
        tally: Tally { skipped: tally.skipped + skipped_before, ..tally },
        distinct: job.counts.len()? as u64,
        workers: demo.workers,
        time,
        kills,
        locks: job.counts.recoveries()? as u64,
        heap: heap.stats(),
    })
}

/// Counts again, and says whether it comes to the same.
fn verify(job: &Job, workers: u32, time: Duration, signals: &Signals) -> Result<bool, CliError> {
    let verdict = Verdict::of(job, signals)?;
    line(format_args!("{verdict} workers={workers} seconds={:.3}", time.as_secs_f64()))?;
    Ok(verdict.is_ok())
}
