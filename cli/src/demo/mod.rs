//! The main job: several processes count words into one shared map.
//!
//! ```text
//!   anymem demo ──creates──► segment ◄──attach by name── anymem worker, …
//!        │                   ├ paths, queue index            │
//!        ├ watches workers   ├ tallies, outcome per file     ├ takes a file
//!        └ prints the report └ ShmHashMap<ShmString, u64> ◄──┴ counts its words
//! ```
//!
//! The segment goes when the run ends, however it does: by itself, by an error,
//! by a worker that dies, or by a signal. If this process is killed, so that it
//! can do nothing, the workers notice and do it.

mod check;
mod count;
mod files;
mod job;
mod outcome;
mod progress;
mod report;
mod segment;
mod text;
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
use self::outcome::Outcome;
use self::progress::Progress;
use self::report::Report;
use self::segment::Segment;
pub(crate) use self::worker::work;
use self::workers::Workers;
use crate::args::Demo;
use crate::error::CliError;
use crate::output::{complain, line};
use crate::signals::Signals;

/// Counts, reports, and checks if asked to.
pub(crate) fn run(demo: &Demo) -> Result<ExitCode, CliError> {
    let signals = Signals::listen()?;
    let files = Files::find(&demo.paths, &signals)?;
    let segment = Segment::create(demo.size)?;
    let job = publish(segment.heap(), &files, demo)?;
    let time = count(segment.heap(), job, demo.workers, &signals)?;
    report_skipped(job)?;
    let before = files.skipped;
    summary(segment.heap(), job, demo, before, time)?.print()?;
    match demo.check {
        true => verify(job, demo.workers, time, &signals),
        false => Ok(ExitCode::SUCCESS),
    }
}

/// Puts the job into the segment, where workers find it.
fn publish<'h>(heap: &'h SharedHeap, files: &Files, demo: &Demo) -> Result<&'h Job, CliError> {
    let boxed = Job::new(heap, &files.paths, demo.per_word)
        .and_then(|job| ShmBox::new_in(job, heap))
        .map_err(|error| CliError::of_segment(error, heap.size()))?;
    Ok(heap.bind_root(ROOT, boxed)?)
}

/// Lets workers count all files; how long that takes them.
fn count(
    heap: &SharedHeap,
    job: &Job,
    workers: u32,
    signals: &Signals,
) -> Result<Duration, CliError> {
    let progress = Progress::of(job);
    let start = Instant::now();
    let mut workers = Workers::start(workers, heap.name())?;
    workers.wait(signals, heap.size(), || progress.update())?;
    let time = start.elapsed();
    match job.outcomes()?.filter(|outcome| *outcome == Outcome::Waiting).count() {
        0 => Ok(time),
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
) -> Result<Report, CliError> {
    let tally = job.tally();
    Ok(Report {
        top: top::top(&job.counts, demo.top)?,
        tally: Tally { skipped: tally.skipped + skipped_before, ..tally },
        distinct: job.counts.len()? as u64,
        workers: demo.workers,
        time,
        heap: heap.stats(),
    })
}

/// Counts again and says whether it comes to the same.
fn verify(
    job: &Job,
    workers: u32,
    time: Duration,
    signals: &Signals,
) -> Result<ExitCode, CliError> {
    let verdict = Verdict::of(job, signals)?;
    line(format_args!("{verdict} workers={workers} seconds={:.3}", time.as_secs_f64()))?;
    Ok(if verdict.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
