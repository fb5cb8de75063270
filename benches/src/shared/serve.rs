//! A process of a contestant: waits for orders, and answers with times.

use core::error::Error;
use std::{
    io::{self, BufRead, Write},
    time::Instant,
};

use super::{anymem, cache_line, iceoryx2, job::Job, private};
use crate::workloads::Place;

/// The part that a process plays.
#[derive(Clone, Debug)]
pub struct Part {
    /// The contestant.
    pub contestant: String,
    /// What it does.
    pub job: Job,
    /// The name of the segment; the first process makes it.
    pub segment: String,
    /// The process's number, from 0.
    pub number: usize,
}

/// What does as many operations as it is told.
pub(super) type Work = Box<dyn FnMut(u64) -> Result<(), Box<dyn Error>>>;

/// Plays `part` until there are no more orders.
///
/// # Errors
///
/// The contestant does not do that job, or failed in it.
pub fn serve(part: &Part) -> Result<(), Box<dyn Error>> {
    if part.number == 0 { Place::First } else { Place::Second }.take();
    match part.contestant.as_str() {
        "anymem" => anymem::serve(part),
        "cache-line" => cache_line::serve(part),
        "iceoryx2" => iceoryx2::serve(part),
        _ => answer(private::work(part)?),
    }
}

/// Says to be ready, and does what it is told, line by line.
pub(super) fn answer(mut work: Work) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    writeln!(out, "ready")?;
    for line in io::stdin().lock().lines() {
        let operations = line?.trim().parse()?;
        let start = Instant::now();
        work(operations)?;
        writeln!(out, "{}", start.elapsed().as_nanos())?;
    }
    Ok(())
}

/// What a process says that was given a job it does not do.
pub(super) fn cannot(part: &Part) -> Box<dyn Error> {
    format!("{} does not do {}", part.contestant, part.job).into()
}
